import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import { messageOf } from './logged-error.ts';

/** Thrown when the settings name no usable API server. The message is one line that names the file and what is allowed. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const ALLOWED = 'allowed: a kubeconfig file, or nothing for ~/.kube/config or the service account of the Pod';

/** The address of the API server and the credentials for it. */
export type Connection = {
  origin: string;
  /** Path prefix of the server, without a trailing slash; usually empty. */
  basePath: string;
  proxyUri: string | undefined;
  /**
   * Returns the current TLS options and headers. Tokens are cached for as long as their source allows; `fresh` reads everything
   * again.
   */
  credentials(options?: { fresh?: boolean }): Promise<Credentials>;
};

type TlsOptions = {
  [K in 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized' | 'servername']?: NonNullable<ConnectionOptions[K]>;
};

export type Credentials = {
  headers: Record<string, string>;
  tls: TlsOptions;
  /** Changes when `tls` does: connections that were made with other options must no longer be used. */
  fingerprint: string;
};

/**
 * Reads `kubeconfig` (a file, or several as kubectl takes them), or by default what client-go would: ~/.kube/config, the Pod's service
 * account.
 * @throws KubeconfigError when there is none, or none that can be used
 */
export async function loadConnection(kubeconfig?: string): Promise<Connection> {
  // Imported only here, because the package loads 600 generated models, which unit tests and pure libraries should not load.
  const client = await import('@kubernetes/client-node');
  const source = sourceOf(kubeconfig);
  const load = () => reading(source, () => source.load(new client.KubeConfig(), () => new client.KubeConfig()));
  let config = load();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw unusable(source, whyNoCluster(config));
  const url = reading(source, () => serverOf(cluster.server));
  return {
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    proxyUri: cluster.proxyUrl,
    async credentials({ fresh = false } = {}) {
      if (fresh) config = load();
      const options: { headers?: Record<string, string> } & ConnectionOptions = {};
      await config.applyToHTTPSOptions(options).catch((cause: unknown) => {
        throw unusable(source, textOf(cause), cause);
      });
      const { headers = {}, ca, cert, key, passphrase, rejectUnauthorized, servername } = options;
      const tls = dropUndefined({ ca, cert, key, passphrase, rejectUnauthorized, servername });
      return { headers, tls, fingerprint: createHash('sha256').update(JSON.stringify(tls)).digest('hex') };
    },
  };
}

/**
 * Checks that the settings lead to an API server, without asking it.
 * @throws KubeconfigError
 */
export async function checkKubeconfig(kubeconfig?: string): Promise<void> {
  const connection = await loadConnection(kubeconfig);
  await connection.credentials();
}

/** The source of the settings, in words that a user knows. */
type Source = { readonly name: string; load(config: KubeConfig, another: () => KubeConfig): KubeConfig };

function sourceOf(kubeconfig: string | undefined): Source {
  if (!kubeconfig) return defaultSource();
  const files = kubeconfig.split(delimiter).filter((file) => file !== '');
  const name = `KUBECONFIG ${kubeconfig}`;
  // As kubectl does, skip files that do not exist as long as one exists.
  const [first, ...more] = files.filter((file) => existsSync(file));
  if (first === undefined) throw new KubeconfigError(`${name}: no such file; ${ALLOWED}`);
  return {
    name,
    load(config, another) {
      config.loadFromFile(first);
      for (const file of more) {
        const next = another();
        next.loadFromFile(file);
        config.mergeConfig(next);
      }
      return config;
    },
  };
}

function defaultSource(): Source {
  const file = join(homedir(), '.kube', 'config');
  if (existsSync(file)) return { name: `~/.kube/config (KUBECONFIG is not set)`, load: (config) => from(config, file) };
  if (!existsSync(SERVICE_ACCOUNT_TOKEN)) {
    throw new KubeconfigError(
      `KUBECONFIG is not set, and there is neither ~/.kube/config nor the service account of a Pod; ${ALLOWED}`,
    );
  }
  return {
    name: 'the service account of the Pod (KUBECONFIG is not set)',
    load(config) {
      config.loadFromCluster();
      return config;
    },
  };
}

function from(config: KubeConfig, file: string): KubeConfig {
  config.loadFromFile(file);
  return config;
}

function whyNoCluster(config: KubeConfig): string {
  const current = config.getCurrentContext();
  if (!current) return 'it names no current context';
  const context = config.getContextObject(current);
  return context
    ? `it has no cluster ${context.cluster}`
    : `it has no context ${current}, which it names as the current one`;
}

function serverOf(server: string): URL {
  const url = URL.parse(server);
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error(`its server is no URL: ${JSON.stringify(server)}`);
  return url;
}

function reading<T>(source: Source, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unusable(source, textOf(cause), cause);
  }
}

function unusable({ name }: Source, why: string, cause?: unknown): KubeconfigError {
  return new KubeconfigError(`${name}: ${why}; ${ALLOWED}`, { cause });
}

/** Returns the first line of a parser's message, which is enough. */
function textOf(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? '';
}

function dropUndefined(options: { [K in keyof TlsOptions]: TlsOptions[K] | undefined }): TlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
