import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConnectionError } from './errors.ts';
import { HttpTransport } from './http-transport.ts';

/** A transport to a local server; `token` is the content of the file its kubeconfig names. */
async function transportTo(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'transport-'));
  const tokenFile = join(folder, 'token');
  const kubeconfig = join(folder, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [
      { name: 'c', cluster: { server: `http://127.0.0.1:${port}/prefix/`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  await writeFile(tokenFile, 'one');
  const transport = new HttpTransport({ kubeconfig, userAgent: 'test', connections: 4 });
  onTestFinished(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });
  return { transport, setToken: (token: string) => writeFile(tokenFile, token) };
}

test('sends path, headers and body under the prefix of the server', async () => {
  const { transport } = await transportTo((request, response) => {
    const { method, url, headers } = request;
    request.on('data', (body) => response.end(JSON.stringify({ method, url, headers, body: String(body) })));
  });
  const { status, body } = await transport.send({ method: 'PATCH', path: '/api?x=1', body: 'ä', contentType: 'a/b' });
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({
    method: 'PATCH',
    url: '/prefix/api?x=1',
    headers: { 'content-type': 'a/b', 'user-agent': 'test', accept: 'application/json', authorization: 'Bearer one' },
    body: 'ä',
  });
});

test('no answer in time, a broken connection and an abort are ConnectionErrors', async () => {
  const { transport } = await transportTo((request, response) => {
    if (request.url?.includes('break')) response.destroy();
  });
  await expect(transport.send({ method: 'GET', path: '/break' })).rejects.toThrow(ConnectionError);
  await expect(transport.send({ method: 'GET', path: '/never', timeoutMs: 100 })).rejects.toThrow(ConnectionError);
  const signal = AbortSignal.timeout(50);
  await expect(transport.send({ method: 'GET', path: '/never', signal })).rejects.toThrow(ConnectionError);
  await expect(transport.send({ method: 'GET', path: '/never', signal })).rejects.toThrow(ConnectionError);
});

test('a stream breaks off as a ConnectionError, and ends when it is aborted', async () => {
  const { transport } = await transportTo((request, response) => {
    response.write('line\n');
    if (request.url?.includes('break')) setTimeout(() => response.destroy(), 20);
  });
  const read = async (path: string, signal?: AbortSignal) => {
    const { body } = await transport.stream({ method: 'GET', path, signal });
    for await (const _ of body);
  };
  await expect(read('/break')).rejects.toThrow(ConnectionError);
  await expect(read('/quiet', AbortSignal.timeout(50))).rejects.toThrow(ConnectionError);
});

test('a rejected token is read again, once', async () => {
  const tokens: (string | undefined)[] = [];
  const { transport, setToken } = await transportTo((request, response) => {
    tokens.push(request.headers.authorization);
    response.writeHead(request.headers.authorization === 'Bearer two' ? 200 : 401).end('{}');
  });
  expect((await transport.send({ method: 'GET', path: '/' })).status).toBe(401);
  await setToken('two');
  expect((await transport.send({ method: 'GET', path: '/' })).status).toBe(200);
  expect(tokens.at(-1)).toBe('Bearer two');
});
