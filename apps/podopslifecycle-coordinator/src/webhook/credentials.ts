import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { own, type Resource } from '@kuperator/api';
import { type Clock, ConflictError, type KubeClient, type Logger } from '@kuperator/runtime';
import { SECRETS, type Secret, type WebhookConfiguration } from '../resources.ts';
import { type Certificates, renewed } from './certificates.ts';
import { acceptedOf, isToken, pathOf, ROUTES, rotated, type Tokens } from './tokens.ts';

/** What the server uses to prove its identity. */
export type Credentials = {
  readonly key: string;
  readonly certificate: string;
  /** PEM text of the CAs that sign client certificates, where these are asked for. */
  readonly clientCa?: string;
};

/** Called repeatedly: the credentials may change at any time. */
export type CredentialSource = () => Promise<Credentials>;

/** An object that configures webhooks in the API server: where they are, and which CA to trust. */
export type ConfigurationRef = { readonly resource: Resource<WebhookConfiguration>; readonly name: string };

type Shared = { readonly tokens: Tokens; readonly certificates?: Certificates | undefined };

type CredentialOptions = {
  readonly client: Pick<KubeClient, 'get' | 'replace' | 'patch'>;
  readonly namespace: string;
  readonly secretName: string;
  readonly configurations: readonly ConfigurationRef[];
  /** The names of the server in a certificate that is made here. */
  readonly names: readonly string[];
  /** Folder with `tls.crt` and `tls.key` that another program renews, e.g. a mounted Secret of cert-manager. */
  readonly certDir?: string | undefined;
  /** File with the CAs of client certificates. */
  readonly clientCaFile?: string | undefined;
  /** Called with all tokens that are valid now, before the API server gets to know them. */
  readonly accept: (tokens: readonly string[]) => void;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Pick<Logger, 'info'>;
};

const MAX_ATTEMPTS = 5;

/**
 * Makes tokens and, unless `certDir` has them, certificates. They are kept in a Secret that the chart creates and all replicas share. A
 * replica that finds them missing or near their end writes new ones, with the version it has read as precondition, so that all replicas use
 * the same. The API server gets to know them before the server uses them.
 */
export function credentialSource(options: CredentialOptions): CredentialSource {
  const { configurations, certDir, clientCaFile, accept } = options;
  let last: Shared | undefined;
  return async () => {
    last = await sharedCredentials(options, last);
    accept(acceptedOf(last.tokens));
    for (const configuration of configurations) await configure(options, configuration, last);
    const { key, certificate } = last.certificates ?? (await certificateIn(certDir ?? ''));
    const clientCa = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8');
    return { key, certificate, ...(clientCa === undefined ? {} : { clientCa }) };
  };
}

/**
 * Reads the credentials from the Secret, and stores new ones there if some are missing or near their end.
 * @param last the credentials in use; undefined at the start
 */
async function sharedCredentials(options: CredentialOptions, last: Shared | undefined): Promise<Shared> {
  const { client, namespace, secretName, names, certDir, clock, logger } = options;
  for (let attempt = 1; ; attempt++) {
    const secret = await client.get(SECRETS, { namespace, name: secretName });
    // An empty Secret was lost and created again, so the credentials in use are kept. To revoke a token, a user removes that key alone.
    const given = isEmpty(secret) && last ? last : { tokens: tokensIn(secret), certificates: certificatesIn(secret) };
    const wanted: Shared = {
      tokens: rotated(given.tokens, clock.now()),
      ...(certDir === undefined ? { certificates: await renewed(given.certificates, names, clock.now()) } : {}),
    };
    const isKept =
      wanted.tokens === given.tokens && (certDir !== undefined || wanted.certificates === given.certificates);
    if (isKept && given !== last) return wanted;
    try {
      await client.replace(SECRETS, { ...secret, data: dataOf(wanted) });
      logger.info({ secret: secretName }, 'renewed the tokens or certificates of the webhook');
      return wanted;
    } catch (error) {
      // Another replica was quicker. Its credentials are used.
      if (!(error instanceof ConflictError) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** Writes the paths of the webhooks, and the CA to trust, into a configuration. */
async function configure(
  { client, logger }: Pick<CredentialOptions, 'client' | 'logger'>,
  { resource, name }: ConfigurationRef,
  credentials: Shared,
): Promise<void> {
  const { webhooks = [] } = await client.get(resource, { name });
  const changes = webhooks.flatMap((webhook) => changeOf(webhook, credentials) ?? []);
  if (changes.length === 0) return;
  await client.patch(resource, { name }, { type: 'strategic', body: { webhooks: changes } });
  logger.info({ kind: resource.kind, configuration: name }, 'wrote path and CA of the webhook into its configuration');
}

type Webhook = NonNullable<WebhookConfiguration['webhooks']>[number];

/** What a webhook of a configuration lacks; undefined if it is right, or not served here. */
function changeOf({ name, clientConfig }: Webhook, { tokens, certificates }: Shared): object | undefined {
  const route = ROUTES.find((each) => name.startsWith(`${each}.`));
  if (!route) return undefined;
  const ca = certificates && { caBundle: Buffer.from(certificates.ca).toString('base64') };
  const path = pathOf(tokens.current, route);
  const { service } = clientConfig;
  const url = clientConfig.url === undefined ? undefined : new URL(path, clientConfig.url).href;
  const isRight =
    (!ca || clientConfig.caBundle === ca.caBundle) &&
    (url === undefined ? service?.path === path : clientConfig.url === url);
  if (isRight) return undefined;
  return { name, clientConfig: { ...ca, ...(url ? { url } : { service: { ...service, path } }) } };
}

async function certificateIn(folder: string): Promise<Pick<Certificates, 'key' | 'certificate'>> {
  const [key, certificate] = await Promise.all([
    readFile(join(folder, 'tls.key'), 'utf8'),
    readFile(join(folder, 'tls.crt'), 'utf8'),
  ]);
  return { key, certificate };
}

function isEmpty({ data = {} }: Secret): boolean {
  return Object.keys(data).length === 0;
}

function readerOf({ data = {} }: Secret): (key: string) => string {
  return (key) => Buffer.from(own(data, key) ?? '', 'base64').toString('utf8');
}

/** The Secret has the same keys as in the Go implementation. */
function certificatesIn(secret: Secret): Certificates | undefined {
  const read = readerOf(secret);
  const found = { caKey: read('ca.key'), ca: read('ca.crt'), key: read('tls.key'), certificate: read('tls.crt') };
  return Object.values(found).includes('') ? undefined : found;
}

/** Values that are not tokens are ignored. */
function tokensIn(secret: Secret): Tokens | undefined {
  const read = readerOf(secret);
  const [current, next, former] = [read('token'), read('token.next'), read('token.former')];
  if (!isToken(current)) return undefined;
  return {
    current,
    ...(isToken(next) ? { next } : {}),
    ...(isToken(former) ? { former } : {}),
    changedMs: Date.parse(read('token.changed')) || 0,
  };
}

function dataOf({ tokens, certificates }: Shared): Record<string, string> {
  const texts = {
    ...(certificates && {
      'ca.key': certificates.caKey,
      'ca.crt': certificates.ca,
      'tls.key': certificates.key,
      'tls.crt': certificates.certificate,
    }),
    token: tokens.current,
    ...(tokens.next && { 'token.next': tokens.next }),
    ...(tokens.former && { 'token.former': tokens.former }),
    'token.changed': new Date(tokens.changedMs).toISOString(),
  };
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
}
