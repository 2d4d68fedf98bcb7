import { EVICTION_REQUESTED_ANNOTATION, PODS, TO_DELETE_LABEL } from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import { createLogger, objectWriter } from '@kuperator/runtime';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { POD_DISRUPTION_BUDGETS } from '../../resources.ts';
import { aServingPod, NOW_MS, nanosAt } from '../../test/leaving-pods.ts';
import { evictionReconciler } from './reconcile.ts';

const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };
const selector = { matchLabels: { app: 'web' } };

function setup(budgets: readonly number[], names: readonly string[], wanted: readonly string[] = names) {
  const cluster = new InMemoryCluster();
  for (const [index, name] of names.entries()) {
    const annotations = wanted.includes(name) ? { [EVICTION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS + index) } : {};
    cluster.add(PODS, aServingPod({ metadata: { name, uid: name, annotations } }));
  }
  for (const [index, desiredHealthy] of budgets.entries()) {
    cluster.add(POD_DISRUPTION_BUDGETS, {
      metadata: { name: `budget-${index}`, namespace: 'default', generation: 1 },
      spec: { selector },
      status: { observedGeneration: 1, desiredHealthy },
    });
  }
  const indexes = {
    evicting: ({ metadata }: { metadata: { annotations?: Record<string, string> } }) =>
      metadata.annotations?.[EVICTION_REQUESTED_ANNOTATION] ? ['default'] : [],
  };
  const pods = cluster.informer(PODS, { indexes });
  const { client } = cluster;
  const writer = objectWriter({ client, resource: PODS, cache: pods });
  const reconcile = evictionReconciler({ pods, writer, client, clock: new FakeClock() });
  const draining = () =>
    cluster
      .list(PODS)
      .filter((pod) => hasOperation(pod, 'pod-evict'))
      .map(({ metadata }) => metadata.name);
  return { cluster, pods, draining, pass: (signal = context.signal) => reconcile('default', { ...context, signal }) };
}

test('begins no drain after the shard is lost: the new owner may be giving out the same allowance', async () => {
  const { draining, pass } = setup([1], ['a', 'b']);
  await pass(AbortSignal.abort());
  expect(draining()).toEqual([]);
});

test('drains all Pods if there is no budget', async () => {
  const { draining, pass } = setup([], ['a', 'b']);
  expect(await pass()).toBeUndefined();
  expect(draining()).toEqual(['a', 'b']);
});

test('does not begin two drains on one allowance, even on a stale cache', async () => {
  const { pods, draining, pass } = setup([2], ['a', 'b', 'c']);
  pods.pause();
  expect(await pass()).toEqual({ requeueAfterMs: expect.any(Number) });
  expect(draining()).toEqual(['a']);
  await pass();
  expect(draining()).toEqual(['a']);
});

test('drains no Pod under two budgets, because the eviction API would refuse it', async () => {
  const { draining, pass } = setup([0, 0], ['a']);
  await pass();
  expect(draining()).toEqual([]);
});

test('deletes the Pod for the client if the budget needs no healthy Pod', async () => {
  const { cluster, draining, pass } = setup([0], ['a']);
  await pass();
  expect(draining()).toEqual([]);
  const [pod] = cluster.list(PODS);
  expect(pod?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
  expect(pod && hasOperation(pod, 'pod-delete', 'delete')).toBe(true);
});
