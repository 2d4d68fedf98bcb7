import { PODS, type Pod, TO_DELETE_LABEL } from '@kuperator/api';
import { operationsOf } from '@kuperator/lifecycle';
import { ConflictError, createLogger, type Reconcile, sightOf } from '@kuperator/runtime';
import { FakeClock, FakeRecorder, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { aServingPod, granted, NOW_MS, nanosAt } from '../test/leaving-pods.ts';
import { podCaches } from '../test/pod-caches.ts';
import { inSteps, podReconciler } from './reconcile.ts';

const KEY = 'default/web';
const logger = createLogger({ app: 'test', level: 'silent' });
const conflict = new ConflictError('the Pod has changed', { status: 409, reason: 'Conflict' });

/** Three steps, `a`, `b` and `c`. Each does what is given for it, or nothing. */
function setup(does: { readonly [step in 'a' | 'b' | 'c']?: Reconcile } = {}) {
  const taken: string[] = [];
  const requeued: number[] = [];
  const shard = new AbortController();
  const step =
    (name: 'a' | 'b' | 'c'): Reconcile =>
    (key, context) => {
      taken.push(name);
      return does[name]?.(key, context) ?? Promise.resolve();
    };
  const reconcile = inSteps([step('a'), step('b'), step('c')], (_, ms) => requeued.push(ms));
  return { taken, requeued, shard, reconcile: () => reconcile(KEY, { logger, signal: shard.signal }) };
}

const fails = (error: Error) => () => Promise.reject(error);
const waits = (requeueAfterMs: number) => async () => ({ requeueAfterMs });

test('takes the steps in order and comes back at the earliest time that one of them wants', async () => {
  const { reconcile, taken } = setup({ a: waits(5000), c: waits(2000) });
  expect(await reconcile()).toEqual({ requeueAfterMs: 2000 });
  expect(taken).toEqual(['a', 'b', 'c']);
});

test('is done when no step waits for anything', async () => {
  const { reconcile } = setup();
  expect(await reconcile()).toBeUndefined();
});

test('takes no further step after the shard is lost between two writes', async () => {
  const { reconcile, taken, shard } = setup({ a: async () => shard.abort() });
  await reconcile();
  expect(taken).toEqual(['a']);
});

test('a step that fails does not stop the other steps, and its backoff does not delay them', async () => {
  const failure = new Error('refused');
  const { reconcile, taken, requeued } = setup({ a: fails(failure), b: waits(1000) });
  await expect(reconcile()).rejects.toBe(failure);
  expect(taken).toEqual(['a', 'b', 'c']);
  expect(requeued).toEqual([1000]);
});

test('reports all steps that fail', async () => {
  const failures = [new Error('first'), new Error('second')] as const;
  const { reconcile } = setup({ a: fails(failures[0]), c: fails(failures[1]) });
  await expect(reconcile()).rejects.toMatchObject({ errors: failures });
});

test('a conflict ends the reconcile, because the cache is stale for the other steps as well', async () => {
  const { reconcile, taken } = setup({ a: fails(conflict) });
  await expect(reconcile()).rejects.toBe(conflict);
  expect(taken).toEqual(['a']);
});

/** A Pod `default/web` with `labels`, and its reconcile. */
function aPodWith(labels: Record<string, string>) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aServingPod({ metadata: { labels } }));
  const caches = podCaches(cluster);
  const reconcile = podReconciler({
    ...caches,
    sight: sightOf([caches.rules, caches.services]),
    clock: new FakeClock(),
    recorder: new FakeRecorder(),
    metrics: { wrote: () => {}, stepped: () => {} },
    limits: { evictionMs: 120_000, clusterNeedsMs: 60_000, graceMs: 10_000, deadlineMs: 600_000 },
    isRunning: () => undefined,
    reported: new Map(),
    requeueAfter: () => {},
  });
  const { signal } = new AbortController();
  return { cluster, ...caches, reconcile: () => reconcile(KEY, { logger, signal }) };
}

test('the writes of the steps do not conflict, although the watch shows none of them', async () => {
  const { cluster, pods, reconcile } = aPodWith(granted('pod-delete', 'delete'));
  pods.pause();
  await reconcile();
  await reconcile();
  const pod = cluster.get(PODS, KEY) as Pod;
  expect(cluster.writes.length).toBeGreaterThan(1);
  expect(operationsOf(pod)).toEqual([]);
});

test('a permitted deletion does not wait until the caches are proven current', async () => {
  const mark = { [TO_DELETE_LABEL]: nanosAt(NOW_MS) };
  const { cluster, rules, reconcile } = aPodWith({ ...mark, ...granted('pod-delete', 'delete') });
  rules.setCurrent(false);
  rules.confirm = () => new Promise(() => {});
  await reconcile();
  expect(cluster.writes).toMatchObject([{ verb: 'delete' }]);
});
