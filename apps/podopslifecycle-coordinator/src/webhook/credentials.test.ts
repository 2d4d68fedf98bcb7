import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@kuperator/runtime';
import { InMemoryCluster } from '@kuperator/testing';
import { expect, onTestFinished, test } from 'vitest';
import { MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS } from '../resources.ts';
import { credentialSource } from './credentials.ts';
import { pathOf } from './tokens.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const YEAR_MS = 365 * 86_400_000;

function setup() {
  const cluster = new InMemoryCluster();
  cluster.add(SECRETS, { metadata: { name: 'certs', namespace: 'ours' } });
  const webhooks = ['pod-deletions', 'pod-evictions'].map((route) => ({
    name: `${route}.podopslifecycle.kusionstack.io`,
    clientConfig: { url: `https://127.0.0.1:9443/${route}` },
  }));
  cluster.add(VALIDATING_WEBHOOKS, { metadata: { name: 'hooks' }, webhooks });
  cluster.add(MUTATING_WEBHOOKS, {
    metadata: { name: 'hooks' },
    webhooks: [{ name: 'pod-creations.x', clientConfig: { service: { name: 'ours', namespace: 'ours' } } }],
  });
  const time = { now: NOW_MS };
  const replica = (certDir?: string) => {
    const accepted: string[][] = [];
    const source = credentialSource({
      client: cluster.client,
      namespace: 'ours',
      secretName: 'certs',
      configurations: [VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS].map((resource) => ({ resource, name: 'hooks' })),
      names: ['127.0.0.1'],
      certDir,
      accept: (tokens) => {
        accepted.push([...tokens]);
      },
      clock: { now: () => time.now },
      logger: createLogger({ app: 'test', level: 'silent' }),
    });
    return { source, accepted: () => accepted.at(-1) ?? [] };
  };
  const configured = (resource = VALIDATING_WEBHOOKS) =>
    cluster.get(resource, 'hooks')?.webhooks?.map(({ clientConfig }) => clientConfig) ?? [];
  const trusted = (resource = VALIDATING_WEBHOOKS) => configured(resource).map(({ caBundle }) => caBundle);
  const secret = () => cluster.get(SECRETS, 'ours/certs')?.data ?? {};
  const token = (key = 'token') => Buffer.from(secret()[key] ?? '', 'base64').toString();
  return { cluster, time, replica, configured, trusted, secret, token };
}

test('replicas that start together use the same certificate and token, and the API server gets to know them', async () => {
  const { replica, configured, trusted, secret, token } = setup();
  const [one, two] = [replica(), replica()];
  expect(await one.source()).toEqual(await two.source());
  expect(one.accepted()).toEqual([token()]);
  expect(two.accepted()).toEqual([token()]);
  expect(trusted()).toEqual([secret()['ca.crt'], secret()['ca.crt']]);
  expect(configured().map(({ url }) => url)).toEqual([
    `https://127.0.0.1:9443${pathOf(token(), 'pod-deletions')}`,
    `https://127.0.0.1:9443${pathOf(token(), 'pod-evictions')}`,
  ]);
  expect(configured(MUTATING_WEBHOOKS)).toEqual([
    {
      caBundle: secret()['ca.crt'],
      service: { name: 'ours', namespace: 'ours', path: pathOf(token(), 'pod-creations') },
    },
  ]);
});

test('a check writes nothing while nothing has to change', async () => {
  const { cluster, replica } = setup();
  const { source } = replica();
  await source();
  cluster.writes.length = 0;
  await source();
  expect(cluster.writes).toEqual([]);
});

test('near its end the certificate is replaced under the same CA', async () => {
  const { time, replica, secret } = setup();
  const { source } = replica();
  const first = await source();
  const ca = secret()['ca.crt'];
  time.now += 0.7 * YEAR_MS;
  expect((await source()).certificate).not.toBe(first.certificate);
  expect(secret()['ca.crt']).toBe(ca);
});

test('a CA and paths that were removed from the configuration are written again', async () => {
  const { cluster, replica, configured } = setup();
  const { source } = replica();
  await source();
  const before = [...configured(), ...configured(MUTATING_WEBHOOKS)];
  cluster.change(MUTATING_WEBHOOKS, 'hooks', ({ webhooks = [], ...rest }) => ({
    ...rest,
    webhooks: webhooks.map(({ name, clientConfig }) => ({ name, clientConfig: { ...clientConfig, caBundle: 'b2xk' } })),
  }));
  cluster.change(VALIDATING_WEBHOOKS, 'hooks', ({ webhooks = [], ...rest }) => ({
    ...rest,
    webhooks: webhooks.map(({ name, clientConfig }) => ({
      name,
      clientConfig: { ...clientConfig, url: 'https://127.0.0.1:9443/pod-deletions' },
    })),
  }));
  await source();
  expect([...configured(), ...configured(MUTATING_WEBHOOKS)]).toEqual(before);
});

test('at every moment of a rotation each replica accepts the token that the API server has', async () => {
  const { time, replica, configured, token } = setup();
  // This test needs no certificates.
  const replicas = ['a', 'b', 'c'].map((name) => replica(`/nonexistent/${name}`));
  const looks = async () => {
    for (const { source } of replicas) await expect(source()).rejects.toThrow('ENOENT');
  };
  await looks();
  const first = token();
  const seen = new Set<string>();
  const accepts = () =>
    replicas.map(({ accepted }) =>
      accepted().some((each) => configured()[0]?.url?.endsWith(pathOf(each, 'pod-deletions')) ?? false),
    );
  for (let minute = 0; minute < 60 * 80; minute += 13) {
    time.now += 13 * 60_000;
    for (const { source } of replicas) {
      await expect(source()).rejects.toThrow('ENOENT');
      expect(accepts()).toEqual([true, true, true]);
    }
    seen.add(token());
  }
  expect(seen.size).toBe(4);
  expect(replicas[0]?.accepted()).not.toContain(first);
});

test('a token that was removed from the Secret is replaced at once, and no longer accepted', async () => {
  const { cluster, replica, configured, token } = setup();
  const [one, two] = [replica(), replica()];
  await one.source();
  await two.source();
  const stolen = token();
  cluster.change(SECRETS, 'ours/certs', ({ data: { token: _, ...data } = {}, ...rest }) => ({ ...rest, data }));
  await two.source();
  await one.source();
  expect(one.accepted()).toEqual([token()]);
  expect(two.accepted()).toEqual([token()]);
  expect(token()).not.toBe(stolen);
  expect(configured()[0]?.url).toContain(pathOf(token(), 'pod-deletions'));
});

test('a Secret that was created again gets the credentials in use', async () => {
  const { cluster, replica, secret } = setup();
  const { source } = replica();
  await source();
  const before = secret();
  cluster.remove(SECRETS, 'ours/certs');
  await expect(source()).rejects.toThrow('certs');
  cluster.add(SECRETS, { metadata: { name: 'certs', namespace: 'ours' } });
  await source();
  expect(secret()).toEqual(before);
});

test('with a mounted certificate the Secret holds only the token, and the CA in the configuration stays as it is', async () => {
  const { replica, configured, secret } = setup();
  const folder = await mkdtemp(join(tmpdir(), 'kuperator-certs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { source, accepted } = replica(folder);
  // Tokens do not wait for a certificate.
  await expect(source()).rejects.toThrow('ENOENT');
  expect(accepted()).toHaveLength(1);
  await writeFile(join(folder, 'tls.key'), 'a key');
  await writeFile(join(folder, 'tls.crt'), 'a certificate');
  expect(await source()).toEqual({ key: 'a key', certificate: 'a certificate' });
  expect(Object.keys(secret()).toSorted()).toEqual(['token', 'token.changed']);
  expect(configured().every(({ caBundle }) => caBundle === undefined)).toBe(true);
  expect(configured()[0]?.url).toContain(pathOf(accepted()[0] ?? '', 'pod-deletions'));
});
