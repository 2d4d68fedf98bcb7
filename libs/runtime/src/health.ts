import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setOwn } from '@kuperator/api';
import type { Metrics } from './metrics.ts';

/** True when all is well, else what is wrong, in words for a person. */
export type Check = () => true | string;

/** The HTTP server of probes and metrics: /livez, /readyz (JSON with a detail per dependency), /metrics. */
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

  /** A check that is not `required` is shown, but does not make the process unready. */
  addCheck(name: string, check: Check, { required = true }: { required?: boolean } = {}): void {
    this.#checks.set(name, { check, required });
  }

  /** The port listened on, also when 0 was asked for. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#port;
  }

  readiness(): { ready: boolean; checks: Record<string, { ok: boolean; required: boolean; detail?: string }> } {
    const checks: Record<string, { ok: boolean; required: boolean; detail?: string }> = {};
    let ready = true;
    for (const [name, { check, required }] of this.#checks) {
      const answer = check();
      const ok = answer === true;
      setOwn(checks, name, { ok, required, ...(ok ? {} : { detail: answer }) });
      if (!ok && required) ready = false;
    }
    return { ready, checks };
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const { status, type, body } = this.#answer(request.url ?? '/');
      Promise.resolve(body).then(
        (text) => response.writeHead(status, { 'content-type': type }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
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
      // Probes and scrapers keep their connections open; these would hold up the stop.
      server.closeAllConnections();
    });
  }

  #answer(url: string): { status: number; type: string; body: string | Promise<string> } {
    const json = 'application/json';
    switch (url.split('?')[0]) {
      case '/livez':
        return { status: 200, type: json, body: '{"live":true}' };
      case '/readyz': {
        const readiness = this.readiness();
        return { status: readiness.ready ? 200 : 503, type: json, body: JSON.stringify(readiness) };
      }
      case '/metrics':
        return { status: 200, type: this.#metrics.registry.contentType, body: this.#metrics.registry.metrics() };
      default:
        return { status: 404, type: 'text/plain', body: 'not found: there are /livez, /readyz and /metrics\n' };
    }
  }
}
