import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { LEASES } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createKubeClient, type KubeClient } from './client/client.ts';
import { CONFIG_MAPS } from './test/config-maps.ts';
import { until } from './test/until.ts';

let cluster: Cluster;
let client: KubeClient;

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none', nats: false, nodes: 1 });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'operator-test' });
});
afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

function startReplica(name: string, port: number) {
  const script = join(import.meta.dirname, 'test', 'fixture-operator.ts');
  const settings = { POD_NAME: name, POD_NAMESPACE: 'default', HTTP_HOST: '127.0.0.1', HTTP_PORT: String(port) };
  const env = { PATH: process.env.PATH ?? '', KUBECONFIG: cluster.kubeconfigPath, ...settings };
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const readiness = async () => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
    } catch {
      return 0;
    }
  };
  return { child, ended, readiness, log: () => log };
}

async function makeAndCount(prefix: string, count: number): Promise<Record<string, number>> {
  for (let i = 0; i < count; i++) {
    await client.create(CONFIG_MAPS, {
      metadata: { namespace: 'default', name: `${prefix}-${i}`, labels: { shared: prefix } },
    });
  }
  let by: string[] = [];
  await until(`all ${prefix} worked on`, async () => {
    const { items } = await client.list(CONFIG_MAPS, { namespace: 'default', labelSelector: `shared=${prefix}` });
    by = items.map((item) => item.metadata.labels?.by ?? '');
    return by.every((name) => name !== '');
  });
  return Object.fromEntries([...new Set(by)].sort().map((name) => [name, by.filter((other) => other === name).length]));
}

test('replicas share the work, and on SIGTERM a replica hands over its share and exits with 0', async () => {
  const a = startReplica('replica-a', 18_471);
  await until('a is ready', async () => (await a.readiness()) === 200);
  expect(await makeAndCount('alone', 10)).toEqual({ 'replica-a': 10 });

  const b = startReplica('replica-b', 18_472);
  const leases = () => client.list(LEASES, { namespace: 'default' });
  const views = async () =>
    (await leases()).items.map((lease) => lease.metadata.annotations?.['kuperator.kusionstack.io/view']);
  await until(
    'both act upon both',
    async () => (await views()).join(';') === 'replica-a,replica-b;replica-a,replica-b',
  );
  const shared = await makeAndCount('together', 40);
  expect(Object.keys(shared)).toEqual(['replica-a', 'replica-b']);

  a.child.kill('SIGTERM');
  expect(await a.ended, a.log()).toBe(0);
  expect((await leases()).items.map((lease) => lease.spec.holderIdentity)).toHaveLength(1);
  expect(await makeAndCount('after', 10)).toEqual({ 'replica-b': 10 });
  b.child.kill('SIGTERM');
  expect(await b.ended, b.log()).toBe(0);
  expect((await leases()).items).toEqual([]);
});
