import { LEASES } from '@kuperator/api';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { createLogger } from '../process/logger.ts';
import { leaseNameOf } from './member-lease.ts';
import { Shards } from './shards.ts';

const logger = createLogger({ app: 'test', level: 'silent' });
const KEYS = Array.from({ length: 50 }, (_, i) => `default/object-${i}`);
const ownedBy = (shards: Shards) => KEYS.filter((key) => shards.owns(key));

function worldOf() {
  const clock = new FakeClock();
  const cluster = new InMemoryCluster({ clock });
  const join = async (identity: string) => {
    const shards = new Shards({ client: cluster.client, namespace: 'system', app: 'op', identity, logger, clock });
    await shards.start();
    await clock.advanceAsync(100);
    return shards;
  };
  return { clock, cluster, join };
}

test('a lone replica owns every key at once', async () => {
  const { cluster, join } = worldOf();
  const shards = await join('a');
  expect(ownedBy(shards)).toEqual(KEYS);
  expect(shards.state()).toBe(true);
  expect(cluster.list(LEASES)[0]?.metadata).toMatchObject({
    name: 'op.a',
    labels: { 'kuperator.kusionstack.io/app': 'op' },
    annotations: { 'kuperator.kusionstack.io/view': 'a' },
  });
});

test('a joining replica gets a key only after the running pass on that key has ended', async () => {
  const { clock, join } = worldOf();
  const a = await join('a');
  let working: string[] = [...KEYS];
  a.registerInFlight(() => working);
  const b = await join('b');
  await clock.advanceAsync(10_000);
  expect(ownedBy(b)).toEqual([]);
  expect(ownedBy(a).length).toBeLessThan(40);
  working = [];
  await clock.advanceAsync(100);
  expect(ownedBy(b).length).toBeGreaterThan(10);
  expect([...ownedBy(a), ...ownedBy(b)].sort()).toEqual([...KEYS].sort());
});

test('a replica that stops hands over at once, one that crashed when its Lease expires', async () => {
  const { clock, cluster, join } = worldOf();
  const a = await join('a');
  const b = await join('b');
  await a.stop();
  await clock.advanceAsync(100);
  expect(ownedBy(b)).toEqual(KEYS);

  const now = new Date(clock.now()).toISOString();
  cluster.add(LEASES, {
    metadata: {
      namespace: 'system',
      name: 'op.crashed',
      labels: { 'kuperator.kusionstack.io/app': 'op' },
      annotations: { 'kuperator.kusionstack.io/identity': 'crashed', 'kuperator.kusionstack.io/view': 'b,crashed' },
    },
    spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: now },
  });
  await clock.advanceAsync(14_000);
  expect(ownedBy(b).length).toBeLessThan(40);
  await clock.advanceAsync(3000);
  expect(ownedBy(b)).toEqual(KEYS);
  expect(cluster.list(LEASES).map((lease) => lease.metadata.name)).toEqual(['op.b']);
});

test('a replica that cannot renew gives up its keys before others may take over, and reports that', async () => {
  const { clock, cluster, join } = worldOf();
  const shards = await join('a');
  let lapsed = 0;
  shards.onLapse(() => lapsed++);
  cluster.setReachable(false);
  await clock.advanceAsync(11_000);
  const before = ownedBy(shards).length;
  await clock.advanceAsync(2000);
  expect([before > 0, ownedBy(shards).length, lapsed]).toEqual([true, 0, 1]);
  expect(shards.state()).toBe('the Lease could not be renewed');
  let changes = 0;
  shards.onChange(() => changes++);
  cluster.setReachable(true);
  await clock.advanceAsync(2000);
  expect([ownedBy(shards).length, changes > 0]).toEqual([50, true]);
});

test('a restarted replica continues at once with the Lease of its earlier process, which then owns nothing more if it still runs', async () => {
  const { clock, cluster, join } = worldOf();
  const former = await join('a');
  const restarted = await join('a');
  expect(ownedBy(restarted)).toEqual(KEYS);
  await clock.advanceAsync(6000);
  expect(ownedBy(former)).toEqual([]);
  expect(former.state()).toBe('another process runs as a');
  await clock.advanceAsync(30_000);
  expect(ownedBy(restarted)).toEqual(KEYS);
  await former.stop();
  expect(cluster.list(LEASES)).toHaveLength(1);
});

test('renewing a Lease needs one write per interval', async () => {
  const { clock, cluster, join } = worldOf();
  await join('a');
  const before = cluster.writes.length;
  await clock.advanceAsync(60_000);
  expect(cluster.writes.length - before).toBe(12);
});

test('a deleted Lease is created again', async () => {
  const { clock, cluster, join } = worldOf();
  const shards = await join('a');
  cluster.remove(LEASES, 'system/op.a');
  await clock.advanceAsync(6000);
  expect(ownedBy(shards)).toEqual(KEYS);
  expect(cluster.list(LEASES)).toHaveLength(1);
});

test.each([
  { app: 'op', identity: 'pod-1', name: 'op.pod-1' },
  { app: 'op', identity: 'Host_1', name: /^op\.host-1-[0-9a-f]{8}$/ },
  { app: 'op', identity: 'x'.repeat(300), name: /^op\.x{237}-[0-9a-f]{8}$/ },
])('a Lease for $identity has a valid name', ({ app, identity, name }) => {
  expect(leaseNameOf(app, identity)).toMatch(name);
});

test('a Lease that claims an hour keeps its keys from other replicas no longer than their own lease duration', async () => {
  const { clock, cluster, join } = worldOf();
  cluster.add(LEASES, {
    metadata: {
      name: 'op.stranger',
      namespace: 'system',
      labels: { 'kuperator.kusionstack.io/app': 'op' },
      annotations: { 'kuperator.kusionstack.io/identity': 'stranger', 'kuperator.kusionstack.io/view': 'stranger' },
    },
    spec: { holderIdentity: 'x', leaseDurationSeconds: 3600, renewTime: new Date(clock.now()).toISOString() },
  });
  const a = await join('a');
  expect(ownedBy(a)).toEqual([]);
  await clock.advanceAsync(20_000);
  expect(ownedBy(a)).toEqual(KEYS);
});
