// Tests what the ServiceAccount of an operator may do to the Leases through which replicas share their keys.
import { type Cluster, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const COORDINATOR = 'podopslifecycle-coordinator';
const ADAPTER = 'endpointslice-adapter';
const NAMESPACE = '--namespace=kuperator-system';
const as = (operator: string) => `--as=system:serviceaccount:kuperator-system:${operator}`;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ operators: [COORDINATOR, ADAPTER], nats: false });
  const isEnforced = () =>
    expect(write('create', ADAPTER, lease(`${COORDINATOR}.x`), '--dry-run=server')).rejects.toThrow();
  await vi.waitFor(isEnforced, { timeout: 120_000, interval: 100 });
});
afterAll(() => cluster?.down());

function lease(name: string, labels: Record<string, string> = {}): object {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, labels },
    spec: { holderIdentity: 'x' },
  };
}

function write(verb: 'create' | 'replace', operator: string, object: object, ...more: string[]): Promise<string> {
  return cluster.kubectl([verb, '--filename=-', NAMESPACE, as(operator), ...more], JSON.stringify(object));
}

test('an operator writes and removes Leases of its own replicas', async () => {
  await write('create', ADAPTER, lease(`${ADAPTER}.own`));
  await cluster.kubectl([
    'delete',
    '--raw',
    `/apis/coordination.k8s.io/v1/namespaces/kuperator-system/leases/${ADAPTER}.own`,
    as(ADAPTER),
  ]);
});

test('an operator can neither create, nor change, nor remove the Lease of another operator', async () => {
  // Two policies refuse the write, and the error may name either.
  const words = `is written by system:serviceaccount:kuperator-system:${ADAPTER}: `;
  await expect(write('create', ADAPTER, lease(`${COORDINATOR}.forged`))).rejects.toThrow(words);
  const asMember = lease(`${ADAPTER}.forged`, { 'kuperator.kusionstack.io/app': COORDINATOR });
  await expect(write('create', ADAPTER, asMember)).rejects.toThrow(words);
  const theirs = await cluster.kubectl(
    ['create', '--filename=-', NAMESPACE, '--output=json'],
    JSON.stringify(lease(`${COORDINATOR}.quiet`)),
  );
  await expect(write('replace', ADAPTER, JSON.parse(theirs))).rejects.toThrow(words);
  const path = `/apis/coordination.k8s.io/v1/namespaces/kuperator-system/leases/${COORDINATOR}.quiet`;
  await expect(cluster.kubectl(['delete', '--raw', path, as(ADAPTER)])).rejects.toThrow(words);
  await expect(write('create', ADAPTER, lease('anything-else'))).rejects.toThrow(`${ADAPTER} may write those named`);
});
