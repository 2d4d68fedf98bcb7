import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { own } from '@kuperator/api';
import { type Logger, loggedError } from '@kuperator/runtime';
import type { Call } from './leave-handler.ts';
import { type AdmissionRequest, type AdmissionVerdict, requestIn, reviewOf } from './review.ts';

export type ServerCertificate = { readonly key: string; readonly certificate: string };

/** Answers the requests that arrive at one path. */
export type Answer = (request: AdmissionRequest, call: Call) => Promise<AdmissionVerdict>;

/** The API server sends the whole Pod, twice at most; objects are limited to 1.5 MiB in etcd. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/**
 * The API server keeps an idle connection for 90 s. Were it closed here first, a request could be on its way already; it is not
 * repeated, and the failure policy lets its Pod go.
 */
const KEEP_ALIVE_MS = 120_000;

/** The HTTPS server that the API server asks. Listens once it has a certificate; a later one is used for new connections. */
export class WebhookServer {
  readonly #host: string;
  readonly #port: number;
  readonly #answers: Readonly<Record<string, Answer>>;
  readonly #logger: Logger;
  #server: Server | undefined;
  #isRetiring = false;

  constructor(options: {
    host: string;
    port: number;
    /** By path. */
    answers: Readonly<Record<string, Answer>>;
    logger: Logger;
  }) {
    this.#host = options.host;
    this.#port = options.port;
    this.#answers = options.answers;
    this.#logger = options.logger;
  }

  /** The port listened on, also when 0 was asked for. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#port;
  }

  isListening(): boolean {
    return this.#server?.listening ?? false;
  }

  /** Begins to listen with this certificate, or goes on with it. */
  async use({ key, certificate }: ServerCertificate): Promise<void> {
    const context = { key, cert: certificate, minVersion: 'TLSv1.2' as const };
    if (this.#server) {
      this.#server.setSecureContext(context);
      return;
    }
    const server = createServer(context, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(asError(error)));
    });
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.#host, () => resolve());
    });
    this.#server = server;
  }

  /** Has clients open another connection, elsewhere, after their next answer. */
  retire(): void {
    this.#isRetiring = true;
  }

  /** Answers what has arrived, then ends. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, body: string, type = 'text/plain') =>
      response
        .writeHead(status, { 'content-type': type, ...(this.#isRetiring ? { connection: 'close' } : {}) })
        .end(body);
    try {
      const url = new URL(request.url ?? '', 'https://webhook');
      const answer = own(this.#answers, url.pathname);
      if (!answer || request.method !== 'POST') {
        end(404, 'not found');
        return;
      }
      const body = await bodyOf(request);
      const review = body === undefined ? undefined : admissionRequestIn(body);
      if (!review) {
        end(400, 'an AdmissionReview is expected');
        return;
      }
      const call = { timeoutMs: timeoutMsIn(url), signal: goneSignal(response) };
      end(200, JSON.stringify(reviewOf(review, await answer(review, call))), 'application/json');
    } catch (error) {
      // Not an answer: the webhook's failurePolicy decides.
      this.#logger.error({ ...loggedError(error), url: request.url }, 'admission request failed');
      if (!response.headersSent) end(500, 'failed; see the log');
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The API server says how long it waits: what is left of the request it works on, at most the webhook's timeout. */
function timeoutMsIn(url: URL): number | undefined {
  const [, seconds] = /^(\d+)s$/.exec(url.searchParams.get('timeout') ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Aborts once nobody waits for the response any more. */
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

/** @returns undefined when it is too long */
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
