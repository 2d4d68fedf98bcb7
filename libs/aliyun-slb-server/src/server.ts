import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AccessKey } from './api/authentication.ts';
import { Control } from './control/control.ts';
import { answerControl } from './control/http.ts';
import { type Answer, Service } from './service.ts';
import type { SlbSettings } from './world/settings.ts';
import { World } from './world/world.ts';

export type SlbServerOptions = {
  /** The first key that may sign calls; default {@link TEST_ACCOUNT}. */
  account?: AccessKey;
  settings?: Partial<SlbSettings>;
  /** The time of the model in milliseconds; default the time of this machine. Dates of signatures are always compared with the latter. */
  clock?: { now(): number };
  /** Port on the loopback interface; default a free one. */
  port?: number;
  /** Whether the control API is served below `/control/`; default false, because it needs no signature. */
  controlApi?: boolean;
};

/** A running server. */
export type SlbServer = {
  /** For example `http://127.0.0.1:40123`. */
  url: string;
  /** Host and port, as the vendor client wants its endpoint; its protocol must be `http`. */
  endpoint: string;
  account: AccessKey;
  control: Control;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** The key with which a server starts unless another is given. It opens nothing but this server. */
export const TEST_ACCOUNT: AccessKey = { accessKeyId: 'test-key', accessKeySecret: 'test-secret' };

const MAX_BODY_BYTES = 1_000_000;

/** Starts a server of the CLB and NLB APIs on the loopback interface. Returns when it accepts calls. */
export async function startSlbServer(options: SlbServerOptions = {}): Promise<SlbServer> {
  const account = options.account ?? TEST_ACCOUNT;
  const clock = options.clock ?? { now: () => Date.now() };
  const world = new World(() => clock.now(), options.settings ?? {});
  const service = new Service(world);
  service.authentication.keys.set(account.accessKeyId, account);
  const control = new Control(world, service);
  const server = createServer((request, response) => {
    const serve = async () => {
      const body = await bodyOf(request);
      const { method = 'GET', url = '/', headers } = request;
      const isControl = options.controlApi === true && url.startsWith('/control/');
      const answer = isControl
        ? answerControl(control, { method, url, body })
        : service.answer({ method, url, headers, body });
      await send(answer, response);
    };
    serve().catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://${endpoint}`, endpoint, account, control, stop, [Symbol.asyncDispose]: stop };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new Error('the body is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function send(answer: Answer, response: ServerResponse): Promise<void> {
  const { delayMs } = answer;
  if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (answer.disconnect) {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, { 'content-type': 'application/json;charset=utf-8' });
  response.end(JSON.stringify(answer.body));
}
