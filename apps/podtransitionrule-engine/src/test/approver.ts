import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export type Received = { method: string; path: string; contentType: string | undefined; body: unknown; atMs: number };
/** An object is sent as JSON with status 200. A function writes the response itself. */
export type Reply = object | ((response: http.ServerResponse) => void);

/** An approver on a loopback port. It records the requests that it received. */
export class Approver {
  readonly received: Received[] = [];
  readonly #server: http.Server;
  readonly #secure: boolean;

  constructor(reply: (received: Received, count: number) => Reply, tls?: { cert: string; key: string }) {
    this.#secure = tls !== undefined;
    const listener: http.RequestListener = async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const received = {
        method: request.method ?? '',
        path: request.url ?? '',
        contentType: request.headers['content-type'],
        body: text ? JSON.parse(text) : undefined,
        atMs: Date.now(),
      };
      this.received.push(received);
      const answer = reply(received, this.received.length);
      if (typeof answer === 'function') answer(response);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    };
    this.#server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  url(path = '/', host = '127.0.0.1'): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#secure ? 'https' : 'http'}://${host}:${port}${path}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
