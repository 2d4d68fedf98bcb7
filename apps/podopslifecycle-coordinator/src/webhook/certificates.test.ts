import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { renewed } from './certificates.ts';

const names = ['coordinator.kuperator-system.svc', '127.0.0.1'];
const DAY_MS = 86_400_000;
const now = Date.parse('2026-01-01T00:00:00Z');

test('a client that trusts the CA trusts a server with the certificate', async () => {
  const { ca, key, certificate } = await renewed(undefined, names, Date.now());
  const server = createServer({ key, cert: certificate }, (_, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const status = await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, ca }, ({ statusCode }) => resolve(statusCode))
      .on('error', reject)
      .end();
  });
  server.closeAllConnections();
  server.close();
  expect(status).toBe(200);
});

test('certificates are kept while they are valid for another third of their life', async () => {
  const given = await renewed(undefined, names, now);
  expect(await renewed(given, names, now + 240 * DAY_MS)).toBe(given);
});

test('a certificate near its end is replaced, under the same CA', async () => {
  const given = await renewed(undefined, names, now);
  const next = await renewed(given, names, now + 250 * DAY_MS);
  expect([next.ca, next.caKey]).toEqual([given.ca, given.caKey]);
  expect(next.certificate).not.toBe(given.certificate);
  expect(new X509Certificate(next.certificate).verify(new X509Certificate(given.ca).publicKey)).toBe(true);
});

test('a CA near its end is replaced, and the former one stays trusted', async () => {
  const given = await renewed(undefined, names, now);
  const next = await renewed(given, names, now + 3000 * DAY_MS);
  expect(next.caKey).not.toBe(given.caKey);
  expect(next.ca).toContain(given.ca);
  expect(new X509Certificate(next.certificate).verify(new X509Certificate(next.ca).publicKey)).toBe(true);
});

test('a certificate for other names is replaced, and so is a text that is no certificate', async () => {
  const given = await renewed(undefined, ['elsewhere'], now);
  expect(new X509Certificate((await renewed(given, names, now)).certificate).subjectAltName).toContain(names[0]);
  const broken = { caKey: 'x', ca: 'y', key: '', certificate: '' };
  expect((await renewed(broken, names, now)).certificate).toContain('BEGIN CERTIFICATE');
});
