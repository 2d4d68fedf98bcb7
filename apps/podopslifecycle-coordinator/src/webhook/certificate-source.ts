import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { own, type Resource } from '@kuperator/api';
import { type Clock, ConflictError, type KubeClient, type Logger } from '@kuperator/runtime';
import { SECRETS, type Secret, type WebhookConfiguration } from '../resources.ts';
import { type Certificates, renewed } from './certificates.ts';
import type { ServerCertificate } from './server.ts';

/** Where the server's certificate comes from. Asked again and again: what it answers may change at any time. */
export type CertificateSource = () => Promise<ServerCertificate>;

/** Files that somebody else keeps fresh: a Secret of cert-manager, mounted. */
export function mountedCertificate(folder: string): CertificateSource {
  return async () => {
    const [key, certificate] = await Promise.all([
      readFile(join(folder, 'tls.key'), 'utf8'),
      readFile(join(folder, 'tls.crt'), 'utf8'),
    ]);
    return { key, certificate };
  };
}

/** An object that tells the API server of webhooks, and which CA to trust there. */
export type ConfigurationRef = { readonly resource: Resource<WebhookConfiguration>; readonly name: string };

/**
 * Certificates made here and kept in a Secret that all replicas share, and that the chart made. Whoever finds them missing or near
 * their end writes new ones, with the version it has read as precondition, so that all use the same. The API server is told to trust
 * them before they are served.
 */
export function ownCertificate(options: {
  client: Pick<KubeClient, 'get' | 'replace' | 'patch'>;
  namespace: string;
  secretName: string;
  configurations: readonly ConfigurationRef[];
  names: readonly string[];
  clock: Pick<Clock, 'now'>;
  logger: Pick<Logger, 'info'>;
}): CertificateSource {
  const { client, namespace, secretName, configurations, names, clock, logger } = options;

  async function sharedCertificates(attempts: number): Promise<Certificates> {
    const secret = await client.get(SECRETS, { namespace, name: secretName });
    const given = certificatesIn(secret);
    const wanted = await renewed(given, names, clock.now());
    if (wanted === given) return wanted;
    try {
      await client.replace(SECRETS, { ...secret, data: dataOf(wanted) });
      logger.info({ secret: secretName }, 'made new certificates');
      return wanted;
    } catch (error) {
      // Another replica was quicker: its certificates are as good.
      if (!(error instanceof ConflictError) || attempts <= 1) throw error;
      return sharedCertificates(attempts - 1);
    }
  }

  async function ensureTrust({ resource, name }: ConfigurationRef, ca: string): Promise<void> {
    const { webhooks = [] } = await client.get(resource, { name });
    const caBundle = Buffer.from(ca).toString('base64');
    const outdated = webhooks.filter(({ clientConfig }) => clientConfig.caBundle !== caBundle);
    if (outdated.length === 0) return;
    const changes = outdated.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle } }));
    await client.patch(resource, { name }, { type: 'strategic', body: { webhooks: changes } });
    logger.info({ kind: resource.kind, configuration: name }, 'told the API server which CA to trust');
  }

  return async () => {
    const { ca, key, certificate } = await sharedCertificates(5);
    for (const configuration of configurations) await ensureTrust(configuration, ca);
    return { key, certificate };
  };
}

/** Keys of the Secret as the Go implementation names them. */
function certificatesIn({ data = {} }: Secret): Certificates | undefined {
  const read = (key: string) => Buffer.from(own(data, key) ?? '', 'base64').toString('utf8');
  const found = { caKey: read('ca.key'), ca: read('ca.crt'), key: read('tls.key'), certificate: read('tls.crt') };
  return Object.values(found).includes('') ? undefined : found;
}

function dataOf({ caKey, ca, key, certificate }: Certificates): Record<string, string> {
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  return {
    'ca.key': encoded(caKey),
    'ca.crt': encoded(ca),
    'tls.key': encoded(key),
    'tls.crt': encoded(certificate),
  };
}
