import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { type Syncing, SyncTimeoutError, syncState, waitForFirstSync } from './first-sync.ts';

function anInformer(plural: string, { problem }: { problem?: string } = {}) {
  const sync = Promise.withResolvers<void>();
  let isSynced = false;
  const informer: Syncing = {
    resource: { plural },
    hasSynced: () => isSynced,
    problem: () => problem,
    waitForSync: (signal) =>
      new Promise((resolve, reject) => {
        sync.promise.then(resolve, reject);
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  };
  const finish = () => {
    isSynced = true;
    sync.resolve();
  };
  return { informer, finish };
}

function waitFor(...informers: Syncing[]) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const waiting = waitForFirstSync({ informers, timeoutMs: 300_000, clock, signal: stop.signal });
  return { clock, stop, result: waiting.catch((error: unknown) => error) };
}

test('resolves once every informer has its initial state, and leaves no timer behind', async () => {
  const [pods, sets] = [anInformer('pods'), anInformer('collasets')];
  const { clock, result } = waitFor(pods.informer, sets.informer);
  pods.finish();
  sets.finish();
  expect([await result, clock.timers]).toEqual([undefined, 0]);
});

test('fails after the limit, and names each kind that is missing with its cause', async () => {
  const pods = anInformer('pods');
  const forbidden = anInformer('services', { problem: 'not followed for 299 s: services is forbidden' });
  const slow = anInformer('leases');
  const { clock, result } = waitFor(pods.informer, forbidden.informer, slow.informer);
  pods.finish();
  await clock.advanceAsync(300_000);
  const error = await result;
  expect(error).toBeInstanceOf(SyncTimeoutError);
  expect(String(error)).toContain(
    'caches without their initial state after 300 s: ' +
      'services: the first list is not complete: not followed for 299 s: services is forbidden; ' +
      'leases: the first list is not complete',
  );
});

test('ends with the reason of the signal', async () => {
  const { stop, result } = waitFor(anInformer('pods').informer);
  stop.abort(new Error('stopping'));
  expect(await result).toEqual(new Error('stopping'));
});

test('readiness says why the first list is not complete', () => {
  const slow = anInformer('pods');
  expect(syncState(slow.informer)).toBe('the first list is not complete');
  expect(syncState(anInformer('pods', { problem: 'pods is forbidden' }).informer)).toBe(
    'the first list is not complete: pods is forbidden',
  );
  slow.finish();
  expect(syncState(slow.informer)).toBe(true);
});
