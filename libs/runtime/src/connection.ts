import { createHash } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';

/** Where the API server is and how we show who we are. */
export type Connection = {
  origin: string;
  /** Path prefix of the server, without a trailing slash; mostly empty. */
  basePath: string;
  proxyUri: string | undefined;
  /**
   * Present TLS options and headers. Tokens are remembered for a while, as their source allows; with `fresh` everything is
   * read anew.
   */
  credentials(options?: { fresh?: boolean }): Promise<Credentials>;
};

export type TlsOptions = {
  [K in 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized' | 'servername']?: NonNullable<ConnectionOptions[K]>;
};

export type Credentials = {
  headers: Record<string, string>;
  tls: TlsOptions;
  /** Changes when `tls` does: connections made with other options must not be used any more. */
  fingerprint: string;
};

/**
 * Reads `kubeconfig` (a file), or by default what client-go would: $KUBECONFIG, ~/.kube/config, the Pod's service account.
 * @throws Error when there is no current context or no server in it
 */
export async function loadConnection(kubeconfig?: string): Promise<Connection> {
  // Imported late: the package loads its 600 generated models, which unit tests and pure libraries should not pay for.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const load = () => {
    const config = new KubeConfig();
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
    return config;
  };
  let config = load();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`kubeconfig ${kubeconfig ?? '(default)'} names no cluster in its current context`);
  const url = new URL(cluster.server);
  return {
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    proxyUri: cluster.proxyUrl,
    async credentials({ fresh = false } = {}) {
      if (fresh) config = load();
      const options: { headers?: Record<string, string> } & ConnectionOptions = {};
      await config.applyToHTTPSOptions(options);
      const { headers = {}, ca, cert, key, passphrase, rejectUnauthorized, servername } = options;
      const tls = dropUndefined({ ca, cert, key, passphrase, rejectUnauthorized, servername });
      return { headers, tls, fingerprint: createHash('sha256').update(JSON.stringify(tls)).digest('hex') };
    },
  };
}

function dropUndefined(options: { [K in keyof TlsOptions]: TlsOptions[K] | undefined }): TlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
