import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Connections, type Logger, loggedError, messageOf, type Seldom, withoutNames } from '@kuperator/runtime';
import { ByteBudget } from './byte-budget.ts';
import type { Credentials } from './credentials.ts';
import type { WebhookMetrics } from './metrics.ts';
import { type AdmissionRequest, type AdmissionVerdict, type Call, requestIn, reviewOf } from './review.ts';
import { PathGate, type Route } from './tokens.ts';

/** Answers the requests that arrive at one path. */
export type Answer = (request: AdmissionRequest, call: Call) => Promise<AdmissionVerdict>;
export type Answers = Readonly<Record<Route, Answer>>;

export type ServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly answers: Answers;
  /** Common names of the client certificates that are accepted; undefined if no client certificate is required. */
  readonly clientNames?: readonly string[] | undefined;
  readonly metrics: Pick<WebhookMetrics, 'rejected'>;
  readonly seldom: Pick<Seldom, 'isNews'>;
  readonly logger: Logger;
  /**
   * Connections at once; default 1000. An API server opens one for each request under way, by default up to 200 that write, and there may be
   * several API servers.
   */
  readonly maxConnections?: number;
  /** Called when a request has no token that is known. It may be a new one. */
  readonly onStranger?: () => void;
};

/** The API server sends one Pod; objects are limited to 1.5 MiB in etcd, and take more room as JSON. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Limit for all requests that are being read. A further request waits. It is not refused, since the failure policy might then allow it. */
const MAX_BODIES_BYTES = 4 * MAX_BODY_BYTES;
const MAX_CONNECTIONS = 1000;
/**
 * The API server keeps an idle connection for 90 s. If the server closed the connection first, a request could already be on its way. The
 * API server does not repeat it, and the failure policy might allow it.
 */
const KEEP_ALIVE_MS = 120_000;
/** The API server sends a request at once. A slower client would occupy the memory that other requests need. */
const BODY_MS = 10_000;
const LIMITS = {
  handshakeTimeout: 10_000,
  // This applies to unused connections, too: the API server may open one in reserve, and keeps it as long as any other.
  headersTimeout: KEEP_ALIVE_MS,
  requestTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: KEEP_ALIVE_MS,
  maxHeaderSize: 16_384,
};

/**
 * The HTTPS server that the API server calls. It listens once it has a certificate, and uses later credentials for new connections. It answers
 * 404 to requests whose path has no known token, and does not read their bodies.
 */
export class WebhookServer {
  readonly #options: ServerOptions;
  readonly #gate = new PathGate();
  readonly #bodies = new ByteBudget(MAX_BODIES_BYTES);
  #server: Server | undefined;
  #connections: Connections | undefined;
  #isRetiring = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** The port it listens on, also if the configured port is 0. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  isListening(): boolean {
    return this.#server?.listening ?? false;
  }

  /** From now on answers only requests with one of these tokens. */
  accept(tokens: readonly string[]): void {
    this.#gate.use(tokens);
  }

  /** Uses these credentials from now on, and begins to listen if it does not yet. */
  async use({ key, certificate, clientCa }: Credentials): Promise<void> {
    const context = { key, cert: certificate, minVersion: 'TLSv1.2' as const, ...(clientCa ? { ca: clientCa } : {}) };
    if (this.#server) {
      this.#server.setSecureContext(context);
      return;
    }
    const { host, port, clientNames, metrics, maxConnections = MAX_CONNECTIONS } = this.#options;
    const proof = clientNames ? { requestCert: true, rejectUnauthorized: true } : {};
    const server = createServer({ ...context, ...proof, ...LIMITS }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(asError(error)));
    });
    server.on('tlsClientError', (_, socket) => {
      metrics.rejected('handshake');
      socket.destroy();
    });
    server.on('clientError', (_, socket) => {
      metrics.rejected('unfinished');
      socket.destroy();
    });
    this.#connections = new Connections(server, {
      max: maxConnections,
      onDropped: () => metrics.rejected('connections'),
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve());
    });
    this.#server = server;
  }

  /** Closes each connection after its next answer, so that clients connect to another replica. */
  retire(): void {
    this.#isRetiring = true;
  }

  /** Answers the requests that have arrived, then stops. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, body: string, { type = 'text/plain', close = this.#isRetiring } = {}) =>
      response.writeHead(status, { 'content-type': type, ...(close ? { connection: 'close' } : {}) }).end(body);
    // The rest of the body is not read, so the connection cannot be used for another request.
    const reject = (status: number, reason: Rejection, body: string) => {
      this.#options.metrics.rejected(reason);
      end(status, body, { close: true });
    };
    const url = urlOf(request);
    const route = url && this.#routeOf(request, url);
    if (!url || !route) return reject(404, 'stranger', 'not found');
    if (request.method !== 'POST') return reject(405, 'malformed', 'only POST is answered');
    this.#connections?.trust(request.socket);
    const signal = goneSignal(response);
    try {
      const review = await this.#reviewIn(request, signal);
      if (review === 'too long') return reject(413, 'malformed', `at most ${MAX_BODY_BYTES} bytes`);
      if (!review) return reject(400, 'malformed', 'an AdmissionReview is expected');
      const verdict = await this.#options.answers[route](review, { timeoutMs: timeoutMsIn(url), signal });
      end(200, JSON.stringify(reviewOf(review, verdict)), { type: 'application/json' });
    } catch (error) {
      if (signal.aborted) return this.#options.metrics.rejected('unfinished');
      // An error is no answer, so the webhook's failurePolicy decides.
      const { seldom, logger } = this.#options;
      const isNews = seldom.isNews(route, withoutNames(messageOf(error)));
      logger[isNews ? 'error' : 'debug']({ ...loggedError(error), route }, 'admission request failed');
      if (!response.headersSent) end(500, 'failed; see the log');
    }
  }

  /** @returns undefined unless the request proves that it comes from the API server */
  #routeOf(request: IncomingMessage, url: URL): Route | undefined {
    const { clientNames, seldom, logger, onStranger } = this.#options;
    const route = this.#gate.routeOf(url.pathname);
    const name = clientNames && (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
    if (route && clientNames && !clientNames.includes(String(name))) {
      const isNews = seldom.isNews('client', String(name));
      if (isNews) logger.warn({ name, allowed: clientNames }, 'a client certificate has a name that is not allowed');
      return undefined;
    }
    if (!route) {
      onStranger?.();
      const isNews = seldom.isNews('stranger', '');
      const address = request.socket.remoteAddress;
      if (isNews) logger.warn({ address }, 'answered 404 to a request without a valid token');
    }
    return route;
  }

  /** @returns undefined if the body is no AdmissionReview. Only its text counts against the limit, not what is parsed from it. */
  async #reviewIn(request: IncomingMessage, signal: AbortSignal): Promise<AdmissionRequest | 'too long' | undefined> {
    const given = request.headers['content-length'];
    // A body without a declared length may have any.
    const bytes = given === undefined ? MAX_BODY_BYTES : Number(given);
    if (bytes > MAX_BODY_BYTES) return 'too long';
    const giveBack = await this.#bodies.take(bytes, signal);
    if (!giveBack) throw new Error('the connection was closed before the body was read');
    const late = setTimeout(() => request.destroy(), BODY_MS);
    try {
      const body = await bodyOf(request);
      return body === undefined ? 'too long' : admissionRequestIn(body);
    } finally {
      clearTimeout(late);
      giveBack();
    }
  }
}

type Rejection = Parameters<WebhookMetrics['rejected']>[0];

function urlOf({ url }: IncomingMessage): URL | undefined {
  try {
    return new URL(url ?? '', 'https://webhook');
  } catch {
    return undefined;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The API server sends how long it waits: the rest of the time of its own request, at most the webhook's timeout. */
function timeoutMsIn(url: URL): number | undefined {
  const [, seconds] = /^(\d+)s$/.exec(url.searchParams.get('timeout') ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Aborts when the connection is closed, or after the response. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

function admissionRequestIn(body: string): AdmissionRequest | undefined {
  try {
    return requestIn(body);
  } catch {
    return undefined;
  }
}

/** @returns undefined if the body is too long */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
