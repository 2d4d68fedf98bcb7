import { type Component, ConfigError, type OperatorContext, Seldom, sleep } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS } from '../resources.ts';
import { CredentialUpkeep } from './credential-upkeep.ts';
import { type ConfigurationRef, credentialSource } from './credentials.ts';
import { webhookMetrics } from './metrics.ts';
import { type Answers, WebhookServer } from './server.ts';

/** The webhook server, with its certificate and its tokens renewed in time. Answers nothing by itself: `answers` does. */
export function webhook(
  context: OperatorContext<Config>,
  /** `onRetire` is called when the stop begins, so that no request waits for longer than its answer takes. */
  { answers, onRetire }: { readonly answers: Answers; readonly onRetire: () => void },
): readonly Component[] {
  const { client, clock, config, health, signal } = context;
  const logger = context.logger.child({ component: 'webhook' });
  const seldom = new Seldom(clock);
  const server = new WebhookServer({
    host: config.webhookHost,
    port: config.webhookPort,
    answers,
    clientNames: clientNamesIn(config),
    metrics: webhookMetrics(context.metrics),
    seldom,
    logger,
    onStranger: () => upkeep.checkEarly(),
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
  const upkeep = new CredentialUpkeep({
    source,
    use: (credentials) => server.use(credentials),
    seldom,
    clock,
    logger,
  });
  // A server that still has its last certificate can answer, so it stays ready.
  health.addCheck('webhook', () => server.isListening() || upkeep.problem);
  return [
    {
      name: 'webhook',
      start: () => upkeep.start(),
      async stop() {
        server.retire();
        onRetire();
        await upkeep.stop();
        // Requests still arrive until every node has learned that this replica is stopping.
        if (signal.aborted) await sleep(clock, config.webhookLingerSeconds * 1000);
        await server.stop();
      },
    },
  ];
}

/** @returns undefined if no client certificate is required */
function clientNamesIn(config: Config): readonly string[] | undefined {
  if (config.webhookClientCaFile === undefined) return undefined;
  const names = listIn(config.webhookClientNames);
  if (names.length === 0)
    // The CA of a cluster signs the certificates of its nodes, too.
    throw new ConfigError('WEBHOOK_CLIENT_NAMES is empty; allowed with WEBHOOK_CLIENT_CA_FILE: names, comma separated');
  return names;
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
