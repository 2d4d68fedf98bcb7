import {
  type CommonConfig,
  type Component,
  type ConfigDeclaration,
  type ConfigOf,
  type commonConfig,
  createLogger,
  createMetrics,
  loadConfig,
  type Operator,
  operatorComponents,
} from '@kuperator/runtime';

/** What is other in a test: this replica's name, a namespace every cluster has, a free port, and a quiet log. */
const SETTINGS = {
  POD_NAME: 'test',
  POD_NAMESPACE: 'default',
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '0',
  LOG_LEVEL: 'error',
};

/**
 * Runs an operator in the test's own process as `runOperator` runs it in one of its own, against a real API server.
 * @param options.settings its environment, beside what a test needs anyway; `KUBECONFIG` says where the API server is
 * @returns how to stop it, once all of it has started
 */
export async function startOperator<D extends ConfigDeclaration<typeof commonConfig>>(options: {
  app: string;
  declaration: D;
  settings: Record<string, string>;
  build: Operator<ConfigOf<D>>['build'];
}): Promise<() => Promise<void>> {
  const { app, declaration, settings, build } = options;
  const config = loadConfig(declaration, { ...SETTINGS, ...settings }, []) as CommonConfig & ConfigOf<D>;
  const stopping = new AbortController();
  const started: Component[] = [];
  const stop = async () => {
    stopping.abort();
    for (const component of started.splice(0).toReversed()) await component.stop();
  };
  const context = {
    logger: createLogger({ app, level: config.logLevel }),
    metrics: createMetrics(app, { processMetrics: false }),
    signal: stopping.signal,
  };
  try {
    for (const component of operatorComponents({ app, config, build }, context)) {
      started.push(component);
      await component.start();
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
