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

/** The settings that differ in a test: the name of this replica, a namespace that every cluster has, a free port, and a quiet log. */
const SETTINGS = {
  POD_NAME: 'test',
  POD_NAMESPACE: 'default',
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '0',
  LOG_LEVEL: 'error',
};

/**
 * Runs an operator in the process of the test, as `runOperator` does in a process of its own, against a real API server.
 * @param options.settings its environment, in addition to what every test needs; `KUBECONFIG` leads to the API server
 * @returns a function that stops the operator, once all its components have started
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
