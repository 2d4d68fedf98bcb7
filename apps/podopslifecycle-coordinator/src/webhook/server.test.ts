import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { type Logger, Seldom, systemClock } from '@kuperator/runtime';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { aClientCertificate } from '../test/client-certificate.ts';
import { type Certificates, renewed } from './certificates.ts';
import { type Answer, type ServerOptions, WebhookServer } from './server.ts';
import { newToken, pathOf } from './tokens.ts';

const MIB = 1024 * 1024;
const token = newToken();
const PATH = pathOf(token, 'pod-deletions');
const REVIEW = JSON.stringify({ kind: 'AdmissionReview', request: { uid: '1', operation: 'DELETE' } });

let certificates: Certificates;
beforeAll(async () => {
  certificates = await renewed(undefined, ['127.0.0.1'], Date.now());
});

async function setup(options: Partial<ServerOptions> = {}, clientCa?: string) {
  const rejected: string[] = [];
  const lines: string[] = [];
  const answered: string[] = [];
  const answer: Answer = async ({ uid }) => {
    answered.push(uid);
    return { allowed: true };
  };
  const note = (fields: object, message: string) => {
    const text = Object.values(fields).map((value) => (value instanceof Error ? value.stack : JSON.stringify(value)));
    lines.push(`${message} ${text.join(' ')}`);
  };
  const logger = { debug: () => {}, warn: note, error: note } as unknown as Logger;
  const server = new WebhookServer({
    host: '127.0.0.1',
    port: 0,
    answers: { 'pod-creations': answer, 'pod-deletions': answer, 'pod-evictions': answer },
    metrics: {
      rejected: (reason) => {
        rejected.push(reason);
      },
    },
    seldom: new Seldom(systemClock),
    logger,
    ...options,
  });
  server.accept([token]);
  const { key, certificate } = certificates;
  await server.use({ key, certificate, ...(clientCa ? { clientCa } : {}) });
  onTestFinished(() => server.stop());
  return { server, port: server.port, rejected, lines, answered };
}

type Reply = { readonly status: number | undefined; readonly headers: IncomingHttpHeaders };

function ask(port: number, path: string, body: string, options: object = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const asking = request(
    { host: '127.0.0.1', port, path, method: 'POST', ca: certificates.ca, agent: false, ...options },
    (response) => {
      const { statusCode: status, headers } = response;
      response.resume().on('end', () => resolve({ status, headers }));
    },
  );
  asking.on('error', reject);
  asking.end(body);
  return promise;
}

/** A connection that begins a request and does not finish it. */
async function unfinished(port: number, head: string, body = ''): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: certificates.ca });
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  socket.write(`${head}\r\nHost: webhook\r\n\r\n${body}`);
  return socket;
}

test('a review at the path with the token is answered', async () => {
  const { port, answered, rejected } = await setup();
  expect((await ask(port, `${PATH}?timeout=10s`, REVIEW)).status).toBe(200);
  expect(answered).toEqual(['1']);
  expect(rejected).toEqual([]);
});

test('a request without the token has no effect, is counted, and is logged once without the path', async () => {
  const { port, answered, rejected, lines } = await setup();
  const paths = ['/pod-deletions', '/', `/${token}/pod-deletions`, pathOf(newToken(), 'pod-deletions'), `${PATH}x`];
  for (const path of paths) {
    const { status, headers } = await ask(port, path, REVIEW);
    expect([status, headers.connection]).toEqual([404, 'close']);
  }
  expect(answered).toEqual([]);
  expect(rejected).toEqual(paths.map(() => 'stranger'));
  expect(lines).toHaveLength(1);
  expect(lines.join()).not.toContain('pod-deletions');
});

test('a failure to answer is logged once, without the path that contains the token', async () => {
  const fails = () => Promise.reject(new Error('the API server is away'));
  const answers = { 'pod-creations': fails, 'pod-deletions': fails, 'pod-evictions': fails };
  const { port, lines } = await setup({ answers });
  for (let count = 0; count < 3; count++) expect((await ask(port, PATH, REVIEW)).status).toBe(500);
  expect(lines).toHaveLength(1);
  expect(lines.join()).toContain('the API server is away');
  expect(lines.join()).not.toContain(PATH);
});

test('a body that is too long or is no review is refused', async () => {
  const { port, answered, rejected } = await setup();
  const declared = await unfinished(port, `POST ${PATH} HTTP/1.1\r\nContent-Length: ${9 * MIB}`);
  const [data] = (await once(declared, 'data')) as [Buffer];
  expect(data.toString()).toMatch(/^HTTP\/1.1 413 /);
  expect((await ask(port, PATH, '{}')).status).toBe(400);
  expect((await ask(port, PATH, REVIEW, { method: 'PUT' })).status).toBe(405);
  expect(answered).toEqual([]);
  expect(rejected).toEqual(['malformed', 'malformed', 'malformed']);
});

test('a body that grows too long without a declared length is cut off', async () => {
  const { port, answered } = await setup();
  const socket = await unfinished(port, `POST ${PATH} HTTP/1.1\r\nTransfer-Encoding: chunked`);
  const chunk = `${MIB.toString(16)}\r\n${'x'.repeat(MIB)}\r\n`;
  const closed = once(socket.resume(), 'close');
  for (let count = 0; count < 9; count++) socket.write(chunk);
  await closed;
  expect(answered).toEqual([]);
});

test('a review is answered while strangers have many unfinished requests', async () => {
  const { port, answered } = await setup();
  const body = 'x'.repeat(65_536);
  const heads = [`POST /pod-deletions HTTP/1.1\r\nContent-Length: ${8 * MIB}`, 'POST / HTTP/1.1\r\nX-Unfinished: y'];
  await Promise.all(heads.flatMap((head) => Array.from({ length: 25 }, () => unfinished(port, head, body))));
  expect((await ask(port, PATH, REVIEW)).status).toBe(200);
  expect(answered).toEqual(['1']);
});

test('the memory of unfinished requests with the token is free again when they end', async () => {
  const { port, answered } = await setup();
  const head = `POST ${PATH} HTTP/1.1\r\nContent-Length: ${8 * MIB}`;
  const sockets = await Promise.all(Array.from({ length: 20 }, () => unfinished(port, head, 'x'.repeat(65_536))));
  const asked = ask(port, PATH, REVIEW);
  for (const socket of sockets) socket.destroy();
  expect((await asked).status).toBe(200);
  expect(answered).toEqual(['1']);
});

test('connections that send nothing do not keep the API server out', async () => {
  const { port, rejected } = await setup({ maxConnections: 20 });
  const plain = Array.from({ length: 40 }, () => connectPlain(port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => {
    for (const socket of plain) socket.destroy();
  });
  await Promise.all(plain.map((socket) => once(socket, 'connect')));
  expect((await ask(port, PATH, REVIEW)).status).toBe(200);
  expect(rejected).toContain('connections');
});

test('if client certificates are required, only one with the right name and CA is accepted, together with the token', async () => {
  const [api, other] = await Promise.all([aClientCertificate('kube-apiserver'), aClientCertificate('kube-apiserver')]);
  const asApi = { key: api.key, cert: api.certificate };
  const { port, answered } = await setup({ clientNames: ['kube-apiserver'] }, api.ca);
  expect((await ask(port, PATH, REVIEW, asApi)).status).toBe(200);
  expect((await ask(port, '/pod-deletions', REVIEW, asApi)).status).toBe(404);
  await expect(ask(port, PATH, REVIEW)).rejects.toThrow();
  await expect(ask(port, PATH, REVIEW, { key: other.key, cert: other.certificate })).rejects.toThrow();
  expect(answered).toEqual(['1']);
  const strict = await setup({ clientNames: ['another'] }, api.ca);
  expect((await ask(strict.port, PATH, REVIEW, asApi)).status).toBe(404);
  expect(strict.answered).toEqual([]);
});
