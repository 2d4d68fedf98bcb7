import { ConflictError, createLogger, type Reconcile } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { podReconciler } from './reconcile.ts';

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
  const reconcile = podReconciler({
    steps: [step('a'), step('b'), step('c')],
    requeueAfter: (_, ms) => requeued.push(ms),
  });
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
