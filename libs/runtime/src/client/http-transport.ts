import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { type Connection, type Credentials, loadConnection } from './connection.ts';
import { ConnectionError } from './errors.ts';
import { exchange } from './http-exchange.ts';
import type { Transport, TransportRequest, TransportResponse, TransportStream } from './transport.ts';

// Service account tokens live an hour and are replaced on disk at 80 % of that; reading once a minute is plenty.
const CREDENTIALS_MAX_AGE_MS = 60_000;

/** HTTP/1.1 over keep-alive connections: `connections` for requests, as many as needed for watches. */
export class HttpTransport implements Transport {
  readonly #connections: number;
  readonly #userAgent: string;
  readonly #connection: Promise<Connection>;
  #credentials: Promise<Credentials> | undefined;
  #credentialsAt = 0;
  /** The cached credentials were rejected, or a TLS handshake failed: read everything again. */
  #fresh = false;
  #session: Session | undefined;

  constructor(options: { kubeconfig?: string | undefined; userAgent: string; connections: number }) {
    this.#connections = options.connections;
    this.#userAgent = options.userAgent;
    this.#connection = loadConnection(options.kubeconfig);
    // The first request reports the failure; until then an unhandled rejection would end the process.
    this.#connection.catch(() => {});
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    const response = await this.#sendOnce(request);
    if (response.status !== 401) return response;
    // The token has probably just been replaced. A 401 means that nothing took effect, so one retry is safe.
    this.#rejected();
    return this.#sendOnce(request);
  }

  async stream(request: TransportRequest): Promise<TransportStream> {
    try {
      const session = await this.#open();
      const response = await session.watches.request({
        ...session.parameters(request),
        headersTimeout: request.timeoutMs ?? 30_000,
        bodyTimeout: 0,
        signal: request.signal ?? null,
      });
      if (response.statusCode === 401) this.#rejected();
      return { status: response.statusCode, headers: headersOf(response), body: chunksOf(request, response.body) };
    } catch (cause) {
      if (isOfTrust(cause)) this.#rejected();
      throw connectionError(request, cause);
    }
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  async #sendOnce(request: TransportRequest): Promise<TransportResponse> {
    const timeoutMs = request.timeoutMs ?? 30_000;
    try {
      const session = await this.#open();
      const options = { ...session.parameters(request), headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
      return await exchange(session.requests, options, request.signal);
    } catch (cause) {
      if (isOfTrust(cause)) this.#rejected();
      throw connectionError(request, cause);
    }
  }

  /** Returns the connections to use: new ones if the client certificate or the CA has been replaced. */
  async #open(): Promise<Session> {
    const now = performance.now();
    if (this.#session && this.#credentials && now - this.#credentialsAt < CREDENTIALS_MAX_AGE_MS) return this.#session;
    const connection = await this.#connection;
    if (!this.#credentials || now - this.#credentialsAt >= CREDENTIALS_MAX_AGE_MS) {
      this.#credentialsAt = now;
      this.#credentials = connection.credentials({ fresh: this.#fresh });
      this.#fresh = false;
      this.#credentials.catch(() => {
        this.#credentials = undefined;
      });
    }
    const credentials = await this.#credentials;
    if (this.#session?.fingerprint === credentials.fingerprint) {
      this.#session.headers = this.#headers(credentials);
      return this.#session;
    }
    const old = this.#session;
    this.#session = new Session({
      connection,
      credentials,
      headers: this.#headers(credentials),
      connections: this.#connections,
    });
    // Requests in flight on the old connections finish; watches break and continue on the new ones.
    old?.close().catch(() => {});
    return this.#session;
  }

  #rejected(): void {
    this.#credentials = undefined;
    this.#fresh = true;
  }

  #headers(credentials: Credentials): Record<string, string> {
    return { ...credentials.headers, accept: 'application/json', 'user-agent': this.#userAgent };
  }
}

/**
 * True if a TLS handshake failed because of a certificate, the server's or ours. If its CA was replaced in the kubeconfig, no request gets
 * as far as a 401.
 */
function isOfTrust(cause: unknown): boolean {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL/.test(code);
}

class Session {
  readonly fingerprint: string;
  headers: Record<string, string>;
  readonly requests: Dispatcher;
  readonly watches: Dispatcher;
  readonly #origin: string;
  readonly #basePath: string;

  constructor(options: {
    connection: Connection;
    credentials: Credentials;
    headers: Record<string, string>;
    connections: number;
  }) {
    const { connection, credentials, headers, connections } = options;
    this.fingerprint = credentials.fingerprint;
    this.headers = headers;
    this.#origin = connection.origin;
    this.#basePath = connection.basePath;
    const dispatcher = (limit: number | null): Dispatcher => {
      const options = {
        connections: limit,
        pipelining: 1,
        // HTTP/2 costs more CPU on both sides here and puts all requests behind one TCP connection.
        allowH2: false,
        // The API server keeps idle connections for 90 s and does not say so.
        keepAliveTimeout: 60_000,
        connect: { ...credentials.tls, timeout: 10_000, keepAliveInitialDelay: 15_000 },
      };
      if (!connection.proxyUri) return new Pool(connection.origin, options);
      return new ProxyAgent({ ...options, uri: connection.proxyUri, requestTls: credentials.tls });
    };
    this.requests = dispatcher(connections);
    this.watches = dispatcher(null);
  }

  parameters(request: TransportRequest): Dispatcher.RequestOptions {
    const { accept, contentType } = request;
    return {
      origin: this.#origin,
      method: request.method as Dispatcher.HttpMethod,
      path: this.#basePath + request.path,
      headers: {
        ...this.headers,
        ...(accept ? { accept } : {}),
        ...(contentType ? { 'content-type': contentType } : {}),
      },
      body: request.body ?? null,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.requests.close(), this.watches.destroy()]);
  }
}

function headersOf(response: Dispatcher.ResponseData): Record<string, string | undefined> {
  return response.headers as Record<string, string | undefined>;
}

async function* chunksOf(request: TransportRequest, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw connectionError(request, cause);
  }
}

function connectionError(request: TransportRequest, cause: unknown): unknown {
  return new ConnectionError(`${request.method} ${request.path}: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  });
}
