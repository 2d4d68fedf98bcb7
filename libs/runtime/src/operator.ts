import { type Syncing, syncState, waitForFirstSync } from './cache/first-sync.ts';
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

/** What an operator is built from. `signal` aborts when the process starts to stop. */
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

/** The part of an informer that an operator needs; keeps informers of different kinds in one list. */
type AnyInformer = Syncing & {
  start(): void;
  stop(): Promise<void>;
};

/** One controller with the informers that it reads, or other components with a lifetime. */
export type OperatorPart = {
  informers?: readonly AnyInformer[];
  controller?: Controller;
  components?: readonly Component[];
};

/** An operator: its name, its settings, and how its parts are built. */
export type Operator<C = unknown> = {
  app: string;
  config: CommonConfig & C;
  build: (context: OperatorContext<C>) => readonly OperatorPart[];
};

/**
 * Runs an operator until it receives SIGTERM; exits with 2 if the settings name no usable API server. It starts, in this order, and stops in
 * the reverse: HTTP server, informers, further components, (when the caches are full) membership in the shards, controllers.
 */
export async function runOperator<C>(operator: Operator<C>): Promise<void> {
  const { app, config } = operator;
  await checkKubeconfig(config.kubeconfig).catch(endWithoutKubeconfig);
  await runProcess({ app, config, build: async (context) => operatorComponents(operator, context) });
}

/** As for any other wrong setting: a retry cannot help, so the process reports it and exits. */
function endWithoutKubeconfig(error: unknown): never {
  if (!(error instanceof KubeconfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}

/** Returns the components that `runOperator` starts, in that order, for tests that run an operator in their own process. */
export function operatorComponents<C>(
  { app, config, build }: Operator<C>,
  process: ProcessContext,
): readonly Component[] {
  const context = contextFor(app, config, process);
  const { client, health, shards, signal, clock } = context;
  const parts = build(context);
  const informers = parts.flatMap((part) => part.informers ?? []);
  const controllers = parts.flatMap(({ controller }) => controller ?? []);
  addChecks(context, informers);
  const timeoutMs = config.cacheSyncTimeoutSeconds * 1000;
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
    { name: 'caches', start: () => waitForFirstSync({ informers, timeoutMs, clock, signal }), stop: () => {} },
    { name: 'shards', start: () => shards.start(), stop: () => shards.stop() },
    controllersComponent(controllers, config),
  ];
}

function contextFor<C>(
  app: string,
  config: CommonConfig & C,
  { logger, metrics, signal }: ProcessContext,
): OperatorContext<C> {
  const { kubeconfig, podNamespace: namespace, podName } = config;
  const slotTimeoutMs = config.requestSlotTimeoutSeconds * 1000;
  const client = createKubeClient({ kubeconfig, userAgent: `kuperator-${app}`, logger, metrics, slotTimeoutMs });
  return {
    config,
    client,
    logger,
    metrics,
    health: new Health({ host: config.httpHost, port: config.httpPort, metrics }),
    shards: new Shards({ client, namespace, app, identity: podName, logger, metrics }),
    recorder: new EventRecorder({ client, app, instance: podName, logger, metrics }),
    clock: systemClock,
    signal,
  };
}

function addChecks({ client, health, shards, signal }: OperatorContext, informers: readonly AnyInformer[]): void {
  health.addCheck('process', () => (signal.aborted ? 'stopping' : true));
  health.addCheck('shards', () => shards.state(), { required: false });
  health.addCheck('requests', () => client.problem() ?? true, { required: false });
  for (const informer of informers) {
    health.addCheck(`informer/${informer.resource.plural}`, () => syncState(informer));
    health.addCheck(`watch/${informer.resource.plural}`, () => informer.problem() ?? true);
  }
}

function controllersComponent(
  controllers: readonly Controller[],
  { passTimeoutSeconds, shutdownGraceSeconds }: CommonConfig,
): Component {
  return {
    name: 'controllers',
    start() {
      for (const controller of controllers) controller.start({ passTimeoutMs: passTimeoutSeconds * 1000 });
    },
    async stop() {
      // Passes get most of the time to finish; those that still wait for something then are aborted.
      const impatience = setTimeout(() => {
        for (const controller of controllers) controller.abort('the operator is stopping');
      }, shutdownGraceSeconds * 600);
      await Promise.all(controllers.map((controller) => controller.stop()));
      clearTimeout(impatience);
    },
  };
}
