import {
  type Component,
  ConfigError,
  loggedError,
  messageOf,
  type OperatorContext,
  type RunningOperators,
  Seldom,
  sleep,
  withoutNames,
} from '@kuperator/runtime';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import type { DeletionMetrics } from '../pod-deletion/metrics.ts';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS } from '../resources.ts';
import { answerToCreation } from './creation-handler.ts';
import { type ConfigurationRef, credentialSource } from './credentials.ts';
import { Holds } from './holds.ts';
import { leaveHandler } from './leave-handler.ts';
import { webhookMetrics } from './metrics.ts';
import { WebhookServer } from './server.ts';

const CHECK_MS = 60_000;
const RETRY_MS = 1000;
/** A stranger may have a token that another replica has just made; strangers that come all the time cost a look this seldom. */
const STRANGER_MS = 10_000;

/** The webhook with its certificate and tokens, looked after every minute; nothing where the settings give it no port. */
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
  const seldom = new Seldom(clock);
  const clientNames = listIn(config.webhookClientNames);
  if (config.webhookClientCaFile !== undefined && clientNames.length === 0)
    // The CA of a cluster signs the certificates of its nodes, too.
    throw new ConfigError('WEBHOOK_CLIENT_NAMES is empty; allowed with WEBHOOK_CLIENT_CA_FILE: names, comma separated');
  let lookNow = new AbortController();
  let lookedMs = clock.monotonic();
  const server = new WebhookServer({
    host: config.webhookHost,
    port: config.webhookPort,
    answers: {
      'pod-creations': answerToCreation,
      'pod-deletions': (request, call) => leaving('delete', request, call),
      'pod-evictions': (request, call) => leaving('evict', request, call),
    },
    clientNames: config.webhookClientCaFile === undefined ? undefined : clientNames,
    metrics: webhookMetrics(context.metrics),
    seldom,
    logger,
    onStranger() {
      if (clock.monotonic() - lookedMs >= STRANGER_MS) lookNow.abort();
    },
  });
  const source = credentialSource({
    client,
    namespace: config.podNamespace,
    secretName: config.webhookSecret,
    configurations: webhookConfigurations(config),
    names: listIn(config.webhookServerNames),
    certDir: config.webhookCertDir,
    clientCaFile: config.webhookClientCaFile,
    accept: (tokens) => server.accept(tokens),
    clock,
    logger,
  });
  let problem = 'has no certificate yet';
  const stop = new AbortController();

  async function keepCredentials(): Promise<void> {
    while (!stop.signal.aborted) {
      lookNow = new AbortController();
      lookedMs = clock.monotonic();
      try {
        await server.use(await source());
        problem = '';
      } catch (error) {
        problem = messageOf(error);
        // Tried again every second, and two failures may take turns.
        const told = withoutNames(problem);
        const isNews = seldom.isNews(`credentials: ${told}`, told);
        if (isNews) logger.warn(loggedError(error), 'no certificate or no token for the webhook');
      }
      await sleep(clock, problem ? RETRY_MS : CHECK_MS, AbortSignal.any([stop.signal, lookNow.signal]));
    }
  }

  // One that still serves with its last certificate is worth being asked.
  health.addCheck('webhook', () => server.isListening() || problem);
  let keeping: Promise<void> | undefined;
  return [
    {
      name: 'webhook',
      start() {
        keeping = keepCredentials();
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

function listIn(text: string): readonly string[] {
  return text.split(',').filter((name) => name !== '');
}
