import { LEASES } from '@kuperator/api';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { createLogger } from '../process/logger.ts';
import { RunningOperators } from './running-operators.ts';
import { Shards } from './shards.ts';

const logger = createLogger({ app: 'test', level: 'silent' });
const NAMESPACE = 'system';

async function worldOf() {
  const clock = new FakeClock();
  const cluster = new InMemoryCluster({ clock });
  const { client } = cluster;
  const join = async (app: string, identity = `${app}-0`) => {
    const shards = new Shards({ client, namespace: NAMESPACE, app, identity, logger, clock });
    await shards.start();
    await clock.advanceAsync(100);
    return shards;
  };
  const observer = new RunningOperators({ client, namespace: NAMESPACE, logger, clock });
  const changes: string[] = [];
  observer.onChange((app) => changes.push(app));
  const reads = () => clock.advanceAsync(10_000);
  return { clock, cluster, join, observer, changes, reads };
}

test('an operator that renews its Lease runs; one without a Lease does not, after the Lease was missing for long enough', async () => {
  const { join, observer, changes, reads } = await worldOf();
  await join('there');
  expect(observer.isRunning('there')).toBeUndefined();
  observer.start();
  await reads();
  expect([observer.isRunning('there'), observer.isRunning('absent')]).toEqual([true, undefined]);
  await reads();
  await reads();
  expect([observer.isRunning('there'), observer.isRunning('absent')]).toEqual([true, false]);
  expect(changes).toEqual(['there', 'absent']);
});

test('an operator that has just started, or whose replicas are replaced one by one, is not reported as missing', async () => {
  const { join, observer, reads } = await worldOf();
  observer.start();
  await reads();
  const first = await join('op', 'a');
  await reads();
  await first.stop();
  await reads();
  expect(observer.isRunning('op')).toBe(true);
  await join('op', 'b');
  for (let i = 0; i < 5; i++) {
    await reads();
    expect(observer.isRunning('op')).toBe(true);
  }
});

test('an operator that was stopped, or crashed and left its Lease, is reported as missing, and so is its return', async () => {
  const { clock, cluster, join, observer, changes, reads } = await worldOf();
  cluster.add(LEASES, {
    metadata: {
      name: 'crashed.a',
      namespace: NAMESPACE,
      labels: { 'kuperator.kusionstack.io/app': 'crashed' },
      annotations: { 'kuperator.kusionstack.io/identity': 'a' },
    },
    spec: { leaseDurationSeconds: 15 },
  });
  const stopped = await join('stopped');
  observer.start();
  await reads();
  expect([observer.isRunning('crashed'), observer.isRunning('stopped')]).toEqual([true, true]);
  await stopped.stop();
  for (let i = 0; i < 3; i++) await reads();
  expect([observer.isRunning('crashed'), observer.isRunning('stopped')]).toEqual([false, false]);
  await join('stopped');
  await clock.advanceAsync(2000);
  expect(observer.isRunning('stopped')).toBe(true);
  expect(changes).toEqual(['crashed', 'stopped', 'stopped']);
});

test('no operator is reported as missing while the Leases cannot be read, nor immediately afterwards', async () => {
  const { cluster, join, observer, reads } = await worldOf();
  const op = await join('op');
  observer.start();
  await reads();
  await op.stop();
  cluster.setReachable(false);
  for (let i = 0; i < 5; i++) {
    await reads();
    expect(observer.isRunning('op')).not.toBe(false);
  }
  cluster.setReachable(true);
  await reads();
  expect(observer.isRunning('op')).not.toBe(false);
  for (let i = 0; i < 3; i++) await reads();
  expect(observer.isRunning('op')).toBe(false);
  await observer.stop();
});
