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

/**
 * Makes tokens and, unless `certDir` has them, certificates. They are kept in a Secret that the chart creates and all replicas share. A
 * replica that finds them missing or near their end writes new ones, with the version it has read as precondition, so that all replicas use
 * the same. The API server gets to know them before the server uses them.
 */
export function credentialSource(options: {
  client: Pick<KubeClient, 'get' | 'replace' | 'patch'>;
  namespace: string;
  secretName: string;
  configurations: readonly ConfigurationRef[];
  /** The names of the server in a certificate that is made here. */
  names: readonly string[];
  /** Folder with `tls.crt` and `tls.key` that another program renews, e.g. a mounted Secret of cert-manager. */
  certDir?: string | undefined;
  /** File with the CAs of client certificates. */
  clientCaFile?: string | undefined;
  /** Called with all tokens that are valid now, before the API server gets to know them. */
  accept: (tokens: readonly string[]) => void;
  clock: Pick<Clock, 'now'>;
  logger: Pick<Logger, 'info'>;
}): CredentialSource {
  const { client, namespace, secretName, configurations, names, certDir, clientCaFile, accept, clock, logger } =
    options;
  let last: Shared | undefined;

  async function shared(attempts: number): Promise<Shared> {
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
      if (!(error instanceof ConflictError) || attempts <= 1) throw error;
      return shared(attempts - 1);
    }
  }

  /** Writes the paths of the webhooks, and the CA to trust, into a configuration. */
  async function configure({ resource, name }: ConfigurationRef, { tokens, certificates }: Shared): Promise<void> {
    const { webhooks = [] } = await client.get(resource, { name });
    const ca = certificates && { caBundle: Buffer.from(certificates.ca).toString('base64') };
    const changes = webhooks.flatMap(({ name: webhook, clientConfig }) => {
      const route = ROUTES.find((each) => webhook.startsWith(`${each}.`));
      if (!route) return [];
      const path = pathOf(tokens.current, route);
      const { service } = clientConfig;
      const url = clientConfig.url === undefined ? undefined : new URL(path, clientConfig.url).href;
      const isRight =
        (!ca || clientConfig.caBundle === ca.caBundle) &&
        (url === undefined ? service?.path === path : clientConfig.url === url);
      return isRight
        ? []
        : [{ name: webhook, clientConfig: { ...ca, ...(url ? { url } : { service: { ...service, path } }) } }];
    });
    if (changes.length === 0) return;
    await client.patch(resource, { name }, { type: 'strategic', body: { webhooks: changes } });
    logger.info(
      { kind: resource.kind, configuration: name },
      'wrote path and CA of the webhook into its configuration',
    );
  }

  return async () => {
    last = await shared(5);
    accept(acceptedOf(last.tokens));
    for (const configuration of configurations) await configure(configuration, last);
    const { key, certificate } = last.certificates ?? (await certificateIn(certDir ?? ''));
    const clientCa = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8');
    return { key, certificate, ...(clientCa === undefined ? {} : { clientCa }) };
  };
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
