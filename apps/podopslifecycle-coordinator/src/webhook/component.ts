import { type Component, loggedError, type OperatorContext, type RunningOperators, sleep } from '@kuperator/runtime';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import type { DeletionMetrics } from '../pod-deletion/metrics.ts';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS } from '../resources.ts';
import { type ConfigurationRef, mountedCertificate, ownCertificate } from './certificate-source.ts';
import { answerToCreation } from './creation-handler.ts';
import { Holds } from './holds.ts';
import { leaveHandler } from './leave-handler.ts';
import { WebhookServer } from './server.ts';

const CHECK_MS = 60_000;
const RETRY_MS = 1000;

/** The webhook with its certificate, looked after every minute; nothing where the settings give it no port. */
export function webhook(
  context: OperatorContext<Config>,
  { pods, rules }: Caches,
  deletion: DeletionMetrics,
  operators: Pick<RunningOperators, 'isRunning'>,
): readonly Component[] {
  const { client, clock, config, health, signal } = context;
  if (config.webhookPort === 0) return [];
  const logger = context.logger.child({ component: 'webhook' });
  const holds = new Holds({ pods, clock, limit: config.webhookMaxHeld });
  deletion.observeHeld(() => holds.size);
  const holdMs = config.webhookHoldSeconds * 1000;
  const clusterNeedsMs = config.clusterNeedsSeconds * 1000;
  const isRunning = (app: string) => operators.isRunning(app);
  const leaving = leaveHandler({
    pods,
    rules,
    isRunning,
    client,
    metrics: deletion,
    clock,
    holds,
    holdMs,
    clusterNeedsMs,
  });
  const server = new WebhookServer({
    host: config.webhookHost,
    port: config.webhookPort,
    answers: {
      '/pod-creations': answerToCreation,
      '/pod-deletions': (request, call) => leaving('delete', request, call),
      '/pod-evictions': (request, call) => leaving('evict', request, call),
    },
    logger,
  });
  const source = config.webhookCertDir
    ? mountedCertificate(config.webhookCertDir)
    : ownCertificate({
        client,
        namespace: config.podNamespace,
        secretName: config.webhookSecret,
        configurations: webhookConfigurations(config),
        names: config.webhookServerNames.split(',').filter((name) => name !== ''),
        clock,
        logger,
      });
  let problem = 'has no certificate yet';
  const stop = new AbortController();

  async function keepCertificate(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await server.use(await source());
        problem = '';
      } catch (error) {
        const before = problem;
        problem = error instanceof Error ? error.message : String(error);
        // Tried again every second: said when it comes and when it changes.
        if (problem !== before) logger.warn(loggedError(error), 'no certificate for the webhook');
      }
      await sleep(clock, problem ? RETRY_MS : CHECK_MS, stop.signal);
    }
  }

  // One that still serves with its last certificate is worth being asked.
  health.addCheck('webhook', () => server.isListening() || problem);
  let keeping: Promise<void> | undefined;
  return [
    {
      name: 'webhook',
      start() {
        keeping = keepCertificate();
      },
      async stop() {
        stop.abort();
        server.retire();
        holds.end();
        await keeping;
        // Until every node knows that this replica is going, requests still arrive.
        if (signal.aborted) await sleep(clock, config.webhookLingerSeconds * 1000);
        await server.stop();
      },
    },
  ];
}

function webhookConfigurations(config: Config): readonly ConfigurationRef[] {
  const { webhookConfiguration: name, webhookConfigurationKinds: kinds } = config;
  return [
    ...(kinds === 'mutating' ? [] : [{ resource: VALIDATING_WEBHOOKS, name }]),
    ...(kinds === 'validating' ? [] : [{ resource: MUTATING_WEBHOOKS, name }]),
  ];
}
