import { POD_TRANSITION_RULES, PODS, type Pod, type PodTransitionRule } from '@kuperator/api';
import { aPod, aPodTransitionRule, FakeClock, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { KubeClient } from '../client/client.ts';
import type { Transport, TransportResponse } from '../client/transport.ts';
import { createLogger } from '../process/logger.ts';
import { Informer } from './informer.ts';

const logger = createLogger({ app: 'test', level: 'silent' });
const FORBIDDEN = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods is forbidden' };
const ABSENT = { kind: 'Status', code: 404, reason: 'NotFound', message: 'the server could not find the resource' };

/** An informer whose connection to the cluster a test can spoil: watches that deliver nothing, and refusals of everything. */
function follow() {
  const cluster = new InMemoryCluster();
  const clock = new FakeClock();
  const state: {
    silent: boolean;
    delayed: PromiseWithResolvers<void> | undefined;
    refusal: typeof FORBIDDEN | undefined;
    lists: string[];
    watches: string[];
  } = {
    silent: false,
    delayed: undefined,
    refusal: undefined,
    lists: [],
    watches: [],
  };
  const refused = () => ({ status: state.refusal?.code ?? 0, headers: {}, body: JSON.stringify(state.refusal) });
  const transport: Transport = {
    async send({ method, path }): Promise<TransportResponse> {
      state.lists.push(path);
      if (state.refusal) return refused();
      return { status: 200, headers: {}, body: JSON.stringify(await cluster.client.request(method, path)) };
    },
    async stream({ path, signal }) {
      state.watches.push(path);
      if (state.refusal) return { ...refused(), body: text(refused().body) };
      const body = await cluster.client.stream(path, signal ? { signal } : {});
      return { status: 200, headers: {}, body: whileHeard(body, signal) };
    },
    close: async () => {},
  };
  /** As a connection that is half open: it stays, and brings nothing. */
  async function* whileHeard(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    for await (const chunk of body) {
      if (state.silent)
        await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      await state.delayed?.promise;
      yield chunk;
    }
  }
  const client = new KubeClient({ transport, clock });
  const informer = new Informer<Pod>({ client, resource: PODS, logger, clock });
  informer.start();
  const add = (name: string, namespace = 'default') =>
    cluster.add(PODS, aPod({ metadata: { name, namespace, uid: undefined } }));
  /** What `confirm` answers, with the time it takes. */
  const confirm = async (namespace?: string) => {
    const answer = informer.confirm(namespace);
    for (let ms = 0; ms < 5000; ms += 50) await clock.advanceAsync(50);
    return answer;
  };
  return { cluster, clock, state, informer, add, confirm };
}

async function* text(body: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(body);
}

test('a cache that was just filled, or just received an event, is current without a request', async () => {
  const { informer, clock, state, add } = follow();
  await clock.advanceAsync(0);
  expect(informer.isCurrent('default')).toBe(true);
  await clock.advanceAsync(6000);
  expect(informer.isCurrent('default')).toBe(false);
  add('a');
  await clock.advanceAsync(0);
  expect(informer.isCurrent('default')).toBe(true);
  expect(state.lists).toEqual([]);
  await informer.stop();
});

test('if no object of a kind changes, one list proves the cache current for all callers', async () => {
  const { informer, clock, state, add } = follow();
  add('a');
  await clock.advanceAsync(70_000);
  expect(await Promise.all([informer.confirm('default'), informer.confirm('default')])).toEqual([true, true]);
  expect(informer.isCurrent('default')).toBe(true);
  expect(informer.isCurrent('other')).toBe(false);
  expect(state.lists).toHaveLength(1);
  expect(informer.problem()).toBeUndefined();
  await informer.stop();
});

test('if a list is ahead of the watch, the event itself proves the cache current, without a further wait', async () => {
  const { informer, clock, state, add } = follow();
  await clock.advanceAsync(0);
  await clock.advanceAsync(6000);
  state.delayed = Promise.withResolvers<void>();
  add('a');
  const answered = informer.confirm('default');
  await clock.advanceAsync(0);
  expect(informer.keys()).toEqual([]);
  state.delayed.resolve();
  // The clock stands still: only the event can end the wait.
  expect(await answered).toBe(true);
  expect(informer.keys()).toEqual(['default/a']);
  await informer.stop();
});

test('a half-open watch is detected by a change that it did not deliver, and is replaced', async () => {
  const { informer, clock, state, add, confirm } = follow();
  await clock.advanceAsync(0);
  state.silent = true;
  add('a');
  await clock.advanceAsync(6000);
  const answered = informer.confirm('default');
  state.silent = false;
  await clock.advanceAsync(3000);
  expect(await answered).toBe(false);
  expect(state.watches).toHaveLength(2);
  expect(informer.keys()).toEqual(['default/a']);
  expect(await confirm('default')).toBe(true);
  await informer.stop();
});

test('a deletion that the watch did not deliver is detected as well', async () => {
  const { cluster, informer, clock, state, add } = follow();
  add('a');
  await clock.advanceAsync(0);
  state.silent = true;
  cluster.remove(PODS, 'default/a');
  await clock.advanceAsync(6000);
  const answered = informer.confirm('default');
  state.silent = false;
  await clock.advanceAsync(3000);
  expect(await answered).toBe(false);
  expect(informer.keys()).toEqual([]);
  await informer.stop();
});

test('without the right to list and watch nothing is proven current, and with the right it works again', async () => {
  const { cluster, informer, clock, state, add, confirm } = follow();
  await clock.advanceAsync(0);
  state.refusal = FORBIDDEN;
  cluster.endWatches();
  await clock.advanceAsync(6000);
  expect(await confirm('default')).toBe(false);
  await clock.advanceAsync(15_000);
  expect(informer.problem()).toMatch(/^not followed for \d+ s: .*pods is forbidden/);
  expect(informer.ageMs()).toBeGreaterThan(15_000);
  state.refusal = undefined;
  add('a');
  await clock.advanceAsync(6000);
  expect(informer.problem()).toBeUndefined();
  expect(informer.keys()).toEqual(['default/a']);
  expect(await confirm('default')).toBe(true);
  await informer.stop();
});

test('after a failed watch the cache is not proven current, however recent the last event is', async () => {
  const { cluster, informer, clock, state, add } = follow();
  add('a');
  await clock.advanceAsync(0);
  expect(informer.isCurrent('default')).toBe(true);
  state.refusal = ABSENT;
  cluster.endWatches();
  await clock.advanceAsync(0);
  expect(informer.isCurrent('default')).toBe(false);
  await informer.stop();
});

test('the deletion of a custom object proves nothing, because its definition may be being deleted', async () => {
  const cluster = new InMemoryCluster();
  const clock = new FakeClock();
  cluster.add(POD_TRANSITION_RULES, aPodTransitionRule({ metadata: { name: 'r' } }));
  const { client } = cluster;
  const informer = new Informer<PodTransitionRule>({ client, resource: POD_TRANSITION_RULES, logger, clock });
  informer.start();
  await clock.advanceAsync(0);
  cluster.remove(POD_TRANSITION_RULES, 'default/r');
  await clock.advanceAsync(0);
  expect([informer.keys(), informer.isCurrent('default')]).toEqual([[], false]);
  expect(await informer.confirm('default')).toBe(true);
  await informer.stop();
});

test('events after a gap do not prove that the watch delivered all events', async () => {
  const { cluster, informer, clock, state, add } = follow();
  await clock.advanceAsync(0);
  state.refusal = FORBIDDEN;
  cluster.endWatches();
  await clock.advanceAsync(20_000);
  state.refusal = undefined;
  await clock.advanceAsync(6000);
  add('a');
  await clock.advanceAsync(0);
  expect([informer.keys(), informer.isCurrent('default')]).toEqual([['default/a'], false]);
  add('b');
  cluster.sendBookmarks();
  await clock.advanceAsync(0);
  // The bookmark says nothing new: it is of the version of the last event.
  expect(informer.isCurrent('default')).toBe(false);
  expect(await informer.confirm('default')).toBe(true);
  await informer.stop();
});

test('after a definition is created again its objects show at once, but only half a minute later is it proven that there are no others', async () => {
  const { cluster, informer, clock, state, add, confirm } = follow();
  add('a');
  await clock.advanceAsync(0);
  state.refusal = ABSENT;
  cluster.endWatches();
  await clock.advanceAsync(20_000);
  expect([informer.keys(), informer.isCurrent('default')]).toEqual([['default/a'], false]);
  expect(await confirm('default')).toBe(false);
  cluster.remove(PODS, 'default/a');
  add('b');
  state.refusal = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'storage is (re)initializing' };
  await clock.advanceAsync(6000);
  state.refusal = undefined;
  await clock.advanceAsync(6000);
  expect([informer.keys(), await confirm('default')]).toEqual([['default/b'], false]);
  await clock.advanceAsync(30_000);
  expect(await confirm('default')).toBe(true);
  await informer.stop();
});

test('a list of a kind that was defined again a moment ago proves nothing, even before a watch has begun', async () => {
  const { cluster, informer, clock, state } = follow();
  await clock.advanceAsync(0);
  state.refusal = ABSENT;
  cluster.endWatches();
  await clock.advanceAsync(4000);
  state.refusal = undefined;
  const lists = state.lists.length;
  expect(await informer.confirm('default')).toBe(false);
  expect(state.lists).toHaveLength(lists);
  await informer.stop();
});

test('a kind that has not been defined for a minute has no objects', async () => {
  const { cluster, informer, clock, state, add, confirm } = follow();
  add('a');
  await clock.advanceAsync(0);
  state.refusal = ABSENT;
  cluster.endWatches();
  await clock.advanceAsync(75_000);
  expect([informer.keys(), await confirm('default'), informer.problem()]).toEqual([[], true, undefined]);
  await informer.stop();
});

test('an API server that is unavailable for some seconds is not a problem yet', async () => {
  const { cluster, informer, clock, state } = follow();
  await clock.advanceAsync(0);
  state.refusal = { kind: 'Status', code: 503, reason: 'ServiceUnavailable', message: 'starting' };
  cluster.endWatches();
  await clock.advanceAsync(10_000);
  expect(informer.problem()).toBeUndefined();
  await informer.stop();
});
