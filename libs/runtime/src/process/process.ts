import { type ConfigDeclaration, ConfigError, type ConfigOf, HelpRequest, loadConfig } from './config.ts';
import { createLogger, type Logger, type LogLevel } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';

/** A part of a process with a lifetime. */
export type Component = { name: string; start(): Promise<void> | void; stop(): Promise<void> | void };

/** What every part of a process uses. `signal` aborts when the process starts to stop. */
export type ProcessContext = { logger: Logger; metrics: Metrics; signal: AbortSignal };

/** Reads the settings of this process from its environment and flags. Exits with 0 on `--help` and with 2 on wrong settings. */
export function readConfig<D extends ConfigDeclaration>(declaration: D): ConfigOf<D> {
  try {
    return loadConfig(declaration, process.env, process.argv.slice(2));
  } catch (error) {
    if (error instanceof HelpRequest) {
      process.stdout.write(`${error.message}\n`);
      process.exit(0);
    }
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(2);
    }
    throw error;
  }
}

/**
 * Runs a process to its end: builds the components, starts them in order, and on SIGTERM or SIGINT stops them in reverse
 * order within `shutdownGraceSeconds`. Exits 1 when something crashes or does not stop in time.
 */
export async function runProcess<C extends { logLevel: LogLevel; shutdownGraceSeconds: number }>(options: {
  app: string;
  config: C;
  build: (context: ProcessContext) => Promise<readonly Component[]>;
}): Promise<void> {
  const { app, config, build } = options;
  const logger = createLogger({ app, level: config.logLevel });
  const stopping = new AbortController();
  const crash = (error: unknown, what: string) => {
    logger.fatal({ err: error }, what);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => crash(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => crash(error, 'unhandled rejection'));
  const asked = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        resolve(name);
        stopping.abort();
      });
    }
  });

  const started: Component[] = [];
  try {
    const components = await build({ logger, metrics: createMetrics(app), signal: stopping.signal });
    for (const component of components) {
      if (stopping.signal.aborted) break;
      started.push(component);
      await component.start();
    }
    if (!stopping.signal.aborted) logger.info('started');
  } catch (error) {
    // A start that the signal interrupts is not a crash.
    if (!stopping.signal.aborted) crash(error, 'start failed');
  }
  logger.info({ cause: await asked }, 'stopping');
  const deadline = setTimeout(() => {
    logger.error({ graceSeconds: config.shutdownGraceSeconds }, 'the process did not stop in time');
    process.exit(1);
  }, config.shutdownGraceSeconds * 1000);
  let failed = false;
  for (const component of started.toReversed()) {
    try {
      await component.stop();
      logger.debug({ component: component.name }, 'stopped');
    } catch (error) {
      failed = true;
      logger.error({ err: error, component: component.name }, 'stop failed');
    }
  }
  clearTimeout(deadline);
  logger.info('stopped');
  process.exit(failed ? 1 : 0);
}
