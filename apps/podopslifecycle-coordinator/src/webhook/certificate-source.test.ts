import { createLogger } from '@kuperator/runtime';
import { InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS } from '../resources.ts';
import { ownCertificate } from './certificate-source.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const YEAR_MS = 365 * 86_400_000;

function setup() {
  const cluster = new InMemoryCluster();
  cluster.add(SECRETS, { metadata: { name: 'certs', namespace: 'ours' } });
  const webhooks = ['a', 'b'].map((name) => ({ name, clientConfig: { url: `https://127.0.0.1/${name}` } }));
  cluster.add(VALIDATING_WEBHOOKS, { metadata: { name: 'hooks' }, webhooks });
  cluster.add(MUTATING_WEBHOOKS, { metadata: { name: 'hooks' }, webhooks });
  const time = { now: NOW_MS };
  const replica = () =>
    ownCertificate({
      client: cluster.client,
      namespace: 'ours',
      secretName: 'certs',
      configurations: [VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS].map((resource) => ({ resource, name: 'hooks' })),
      names: ['127.0.0.1'],
      clock: { now: () => time.now },
      logger: createLogger({ app: 'test', level: 'silent' }),
    });
  const trusted = (resource = VALIDATING_WEBHOOKS) =>
    cluster.get(resource, 'hooks')?.webhooks?.map(({ clientConfig }) => clientConfig.caBundle);
  const secret = () => cluster.get(SECRETS, 'ours/certs')?.data ?? {};
  return { cluster, time, replica, trusted, secret };
}

test('replicas that start together use the same certificate, which the API server trusts', async () => {
  const { replica, trusted, secret } = setup();
  const [one, two] = await Promise.all([replica()(), replica()()]);
  expect(one).toEqual(two);
  expect(trusted()).toEqual([secret()['ca.crt'], secret()['ca.crt']]);
  expect(trusted(MUTATING_WEBHOOKS)).toEqual(trusted());
});

test('looking after it writes nothing while there is nothing to do', async () => {
  const { cluster, replica } = setup();
  const source = replica();
  await source();
  cluster.writes.length = 0;
  await source();
  expect(cluster.writes).toEqual([]);
});

test('near its end the certificate is replaced under the same CA', async () => {
  const { time, replica, secret } = setup();
  const source = replica();
  const first = await source();
  const ca = secret()['ca.crt'];
  time.now += 0.7 * YEAR_MS;
  expect((await source()).certificate).not.toBe(first.certificate);
  expect(secret()['ca.crt']).toBe(ca);
});

test('trust that somebody took away is given again', async () => {
  const { cluster, replica, trusted, secret } = setup();
  const source = replica();
  await source();
  cluster.change(MUTATING_WEBHOOKS, 'hooks', ({ webhooks = [], ...rest }) => ({
    ...rest,
    webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle: 'b2xk' } })),
  }));
  await source();
  expect(trusted(MUTATING_WEBHOOKS)).toEqual([secret()['ca.crt'], secret()['ca.crt']]);
});
