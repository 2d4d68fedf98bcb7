import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setOwn } from '@kuperator/api';
import { Connections } from './connections.ts';
import type { Metrics } from './metrics.ts';

/** Returns true if all is well, else what is wrong, in words for a person. */
type Check = () => true | string;

/** Probes and scrapers need few connections; beyond this number the oldest is closed. */
const MAX_CONNECTIONS = 200;
const NOT_A_READ = { status: 405, type: 'text/plain', body: 'only GET and HEAD are allowed\n' };
/** Requests have no body, so these limits are short. */
const LIMITS = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000, maxHeaderSize: 8192 };

/**
 * The HTTP server of probes and metrics: /livez, /readyz (JSON with a detail per dependency), /metrics. As with kube-apiserver,
 * `/readyz?exclude=<check>` ignores a check, and all checks that are named `<check>/…`.
 */
export class Health {
  readonly name = 'http';
  readonly #host: string;
  readonly #port: number;
  readonly #metrics: Metrics;
  readonly #checks = new Map<string, { check: Check; required: boolean }>();
  #server: Server | undefined;

  constructor(options: { host: string; port: number; metrics: Metrics }) {
    this.#host = options.host;
    this.#port = options.port;
    this.#metrics = options.metrics;
  }

  /** Adds a check. If it is not `required`, its failure is shown but does not make the process unready. */
  addCheck(name: string, check: Check, { required = true }: { required?: boolean } = {}): void {
    this.#checks.set(name, { check, required });
  }

  /** The port that the server listens on, also if the setting was 0. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#port;
  }

  /** @param excluded checks that are shown, but not required */
  readiness(excluded: readonly string[] = []): {
    ready: boolean;
    checks: Record<string, { ok: boolean; required: boolean; detail?: string }>;
  } {
    const checks: Record<string, { ok: boolean; required: boolean; detail?: string }> = {};
    let ready = true;
    for (const [name, { check, required: isRequired }] of this.#checks) {
      const required = isRequired && !excluded.some((other) => name === other || name.startsWith(`${other}/`));
      const answer = check();
      const ok = answer === true;
      setOwn(checks, name, { ok, required, ...(ok ? {} : { detail: answer }) });
      if (!ok && required) ready = false;
    }
    return { ready, checks };
  }

  async start(): Promise<void> {
    const server = createServer(LIMITS, (request, response) => {
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      const { status, type, body } = isRead ? this.#answer(request.url ?? '/') : NOT_A_READ;
      // The body is not read, so the connection cannot serve another request.
      const headers = { 'content-type': type, ...(isRead ? {} : { connection: 'close', allow: 'GET, HEAD' }) };
      Promise.resolve(body).then(
        (text) => response.writeHead(status, headers).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    new Connections(server, { max: MAX_CONNECTIONS });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.#host, () => resolve());
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      // Probes and scrapers keep their connections open, which would delay the stop.
      server.closeAllConnections();
    });
  }

  #answer(url: string): { status: number; type: string; body: string | Promise<string> } {
    const json = 'application/json';
    const parsed = URL.parse(url, 'http://health');
    switch (parsed?.pathname) {
      case '/livez':
        return { status: 200, type: json, body: '{"live":true}' };
      case '/readyz': {
        const readiness = this.readiness(parsed?.searchParams.getAll('exclude'));
        return { status: readiness.ready ? 200 : 503, type: json, body: JSON.stringify(readiness) };
      }
      case '/metrics':
        return { status: 200, type: this.#metrics.registry.contentType, body: this.#metrics.registry.metrics() };
      default:
        return { status: 404, type: 'text/plain', body: 'not found; available paths: /livez, /readyz, /metrics\n' };
    }
  }
}
