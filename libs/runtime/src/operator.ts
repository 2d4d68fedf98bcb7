import { createKubeClient, type KubeClient } from './client/client.ts';
import { checkKubeconfig, KubeconfigError } from './client/connection.ts';
import type { Controller } from './controller/controller.ts';
import { EventRecorder } from './controller/recorder.ts';
import { type Clock, systemClock } from './process/clock.ts';
import type { CommonConfig } from './process/common-config.ts';
import { Health } from './process/health.ts';
import type { Logger } from './process/logger.ts';
import type { Metrics } from './process/metrics.ts';
import { type Component, type ProcessContext, runProcess } from './process/process.ts';
import { Shards } from './shards/shards.ts';

/** What an operator is built from. `signal` aborts when the process is told to stop. */
export type OperatorContext<C = unknown> = {
  config: CommonConfig & C;
  client: KubeClient;
  logger: Logger;
  metrics: Metrics;
  health: Health;
  recorder: EventRecorder;
  shards: Shards;
  clock: Clock;
  signal: AbortSignal;
};

/** The part of an informer an operator's lifetime needs; keeps informers of different kinds in one list. */
type AnyInformer = {
  readonly resource: { readonly plural: string };
  start(): void;
  stop(): Promise<void>;
  hasSynced(): boolean;
  problem(): string | undefined;
  waitForSync(signal?: AbortSignal): Promise<void>;
};

/** One controller with what it reads, or anything else with a lifetime. */
export type OperatorPart = {
  informers?: readonly AnyInformer[];
  controller?: Controller;
  components?: readonly Component[];
};

export type Operator<C = unknown> = {
  app: string;
  config: CommonConfig & C;
  build: (context: OperatorContext<C>) => readonly OperatorPart[];
};

/**
 * Runs an operator until it is told to stop; ends with 2 when the settings lead to no API server. Started in this order and stopped in the reverse: HTTP server, informers,
 * further components, (once the caches are full) membership in the shards, controllers.
 */
export async function runOperator<C>(operator: Operator<C>): Promise<void> {
  const { app, config } = operator;
  await checkKubeconfig(config.kubeconfig).catch(endWithoutKubeconfig);
  await runProcess({ app, config, build: async (context) => operatorComponents(operator, context) });
}

/** As for any other setting: without it there is nothing to try again for, and whoever starts us should know at once. */
function endWithoutKubeconfig(error: unknown): never {
  if (!(error instanceof KubeconfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}

/** What `runOperator` starts, in that order: for a test that runs an operator in its own process. */
export function operatorComponents<C>(
  { app, config, build }: Operator<C>,
  { logger, metrics, signal }: ProcessContext,
): readonly Component[] {
  const client = createKubeClient({ kubeconfig: config.kubeconfig, userAgent: `kuperator-${app}`, logger, metrics });
  const health = new Health({ host: config.httpHost, port: config.httpPort, metrics });
  const shards = new Shards({
    client,
    namespace: config.podNamespace,
    app,
    identity: config.podName,
    logger,
    metrics,
  });
  const recorder = new EventRecorder({ client, app, instance: config.podName, logger, metrics });
  const clock = systemClock;
  const parts = build({ config, client, logger, metrics, health, recorder, shards, clock, signal });
  const informers = parts.flatMap((part) => part.informers ?? []);
  const controllers = parts.flatMap(({ controller }) => controller ?? []);
  health.addCheck('process', () => (signal.aborted ? 'stopping' : true));
  health.addCheck('shards', () => shards.state(), { required: false });
  for (const informer of informers) {
    health.addCheck(
      `informer/${informer.resource.plural}`,
      () => informer.hasSynced() || 'the first list is not complete',
    );
    health.addCheck(`watch/${informer.resource.plural}`, () => informer.problem() ?? true);
  }
  return [
    health,
    { name: 'client', start: () => {}, stop: () => client.close() },
    {
      name: 'informers',
      start() {
        for (const informer of informers) informer.start();
      },
      stop: async () => {
        await Promise.all(informers.map((informer) => informer.stop()));
      },
    },
    ...parts.flatMap(({ components }) => components ?? []),
    {
      name: 'caches',
      start: async () => {
        await Promise.all(informers.map((informer) => informer.waitForSync(signal)));
      },
      stop: () => {},
    },
    { name: 'shards', start: () => shards.start(), stop: () => shards.stop() },
    {
      name: 'controllers',
      start() {
        for (const controller of controllers) controller.start();
      },
      async stop() {
        // Passes get most of the time to finish; what then still waits for something is told to give up.
        const impatience = setTimeout(() => {
          for (const controller of controllers) controller.abort();
        }, config.shutdownGraceSeconds * 600);
        await Promise.all(controllers.map((controller) => controller.stop()));
        clearTimeout(impatience);
      },
    },
  ];
}
