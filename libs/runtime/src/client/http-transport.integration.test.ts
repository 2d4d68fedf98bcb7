import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@kuperator/cluster';
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

test('a timeout, a broken connection and an abort are ConnectionErrors', async () => {
  const { transport } = await transportTo((request, response) => {
    if (request.url?.includes('break')) response.destroy();
  });
  await expect(transport.send({ method: 'GET', path: '/break' })).rejects.toThrow(ConnectionError);
  await expect(transport.send({ method: 'GET', path: '/never', timeoutMs: 100 })).rejects.toThrow(ConnectionError);
  const signal = AbortSignal.timeout(50);
  await expect(transport.send({ method: 'GET', path: '/never', signal })).rejects.toThrow(ConnectionError);
  await expect(transport.send({ method: 'GET', path: '/never', signal })).rejects.toThrow(ConnectionError);
});

test('a broken stream throws a ConnectionError, and an aborted stream ends', async () => {
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

test('reads a rejected token again, once', async () => {
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

test('reads the CA in the kubeconfig again if the server has a certificate of another CA', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'transport-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [before, after] = await Promise.all(['before', 'after'].map((name) => selfSigned(folder, name)));
  if (!before || !after) throw new Error('no certificates');
  const server = createTlsServer(before, (_, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(folder, 'kubeconfig');
  const trust = (ca: string) => {
    const cluster = {
      server: `https://127.0.0.1:${port}`,
      'certificate-authority-data': Buffer.from(ca).toString('base64'),
    };
    const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
    const users = [{ name: 'u', user: { token: 't' } }];
    const config = { 'current-context': 'c', contexts, clusters: [{ name: 'c', cluster }], users };
    return writeFile(kubeconfig, JSON.stringify(config));
  };
  await trust(before.cert);
  const transport = new HttpTransport({ kubeconfig, userAgent: 'test', connections: 1 });
  onTestFinished(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
  });
  expect((await transport.send({ method: 'GET', path: '/' })).status).toBe(200);
  server.setSecureContext(after);
  server.closeAllConnections();
  await expect(transport.send({ method: 'GET', path: '/' })).rejects.toThrow(/self[- ]signed/);
  await trust(after.cert);
  expect((await transport.send({ method: 'GET', path: '/' })).status).toBe(200);
});

async function selfSigned(folder: string, name: string): Promise<{ key: string; cert: string }> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${name}`];
  const files = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
  await run('openssl', [...args, ...files], { what: 'making a certificate' });
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}
