import { PODS, type Pod } from '@kuperator/api';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aServingPod } from '../../test/leaving-pods.ts';
import { HeldRequests, type HoldOptions } from './held-requests.ts';

const KEY = 'default/web';
const hasMark = (pod: Pod) => pod.metadata.labels?.marked !== undefined;

function setup({ limit = 10 } = {}) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aServingPod());
  const pods = cluster.informer(PODS);
  const clock = new FakeClock();
  const holds = new HeldRequests({ pods, clock, limit });
  const asked = () => cluster.get(PODS, KEY) as Pod;
  const mark = () =>
    cluster.change(PODS, KEY, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, marked: '1' } },
    }));
  const hold = (options: Partial<HoldOptions> = {}) =>
    holds.until(asked(), { ms: 1000, signal: new AbortController().signal, isAwaited: hasMark, ...options });
  return { cluster, pods, clock, holds, asked, mark, hold };
}

describe('a held request', () => {
  test('ends with the version that is awaited, and not before', async () => {
    const { cluster, holds, mark, hold, clock } = setup();
    const held = hold();
    cluster.change(PODS, KEY, (pod) => ({ ...pod, status: { ...pod.status, podIP: '10.0.0.2' } }));
    expect(holds.size).toBe(1);
    mark();
    expect(await held).toMatchObject({ metadata: { labels: { marked: '1' } } });
    expect([holds.size, clock.timers]).toEqual([0, 0]);
  });

  test('is not held if the cache shows the awaited version already', async () => {
    const { pods, asked, mark, holds } = setup();
    const old = asked();
    mark();
    const wait = { ms: 0, signal: new AbortController().signal, isAwaited: hasMark };
    expect(await holds.until(old, wait)).toBe(pods.get(KEY));
  });

  test('never ends with a version that is not newer than the request, because the API server would not look again', async () => {
    const { pods, mark, hold, cluster, clock } = setup();
    mark();
    pods.pause();
    cluster.change(PODS, KEY, ({ metadata: { labels: _, ...metadata }, ...pod }) => ({ ...pod, metadata }));
    const held = hold();
    await clock.advanceAsync(1000);
    expect(await held).toBeUndefined();
  });

  test('ends when the Pod is gone', async () => {
    const { cluster, hold } = setup();
    const held = hold();
    cluster.remove(PODS, KEY);
    expect(await held).toBe('gone');
  });

  test('does not end when an earlier Pod of the same name is deleted', async () => {
    const { cluster, pods, hold, holds, clock } = setup();
    pods.pause();
    cluster.remove(PODS, KEY);
    cluster.add(PODS, aServingPod({ metadata: { uid: 'another' } }));
    const held = hold();
    pods.resume();
    expect(holds.size).toBe(1);
    await clock.advanceAsync(1000);
    expect(await held).toBeUndefined();
  });

  test.each([
    { name: 'its time is over', end: ({ clock }: ReturnType<typeof setup>) => clock.advance(1000) },
    { name: 'the operator stops', end: ({ holds }: ReturnType<typeof setup>) => holds.end() },
  ])('ends without an outcome when $name', async ({ end }) => {
    const world = setup();
    const held = world.hold();
    end(world);
    expect(await held).toBeUndefined();
    expect(world.holds.size).toBe(0);
  });

  test('ends when the API server no longer waits for the answer', async () => {
    const { hold, holds } = setup();
    const gone = new AbortController();
    const held = hold({ signal: gone.signal });
    gone.abort();
    expect(await held).toBeUndefined();
    expect(holds.size).toBe(0);
  });

  test('ends for a later request when there are too many', async () => {
    const { hold, holds, mark } = setup({ limit: 1 });
    const [first, second] = [hold(), hold()];
    expect(await first).toBeUndefined();
    expect(holds.size).toBe(1);
    mark();
    expect(await second).toBeDefined();
  });
});

test('the namespace with the most held requests makes room, and not its neighbour', async () => {
  const { holds } = setup({ limit: 3 });
  const hold = (namespace: string, name: string) => {
    const pod = aServingPod({ metadata: { namespace, name, resourceVersion: '1' } });
    return holds.until(pod, { ms: 1000, signal: new AbortController().signal, isAwaited: hasMark });
  };
  const neighbour = hold('neighbour', 'a');
  const [first, ...others] = ['a', 'b', 'c'].map((name) => hold('tenant', name));
  expect(await first).toBeUndefined();
  expect(holds.size).toBe(3);
  holds.end();
  expect(await Promise.all([neighbour, ...others])).toEqual([undefined, undefined, undefined]);
});

test('no request is held once the operator stops', async () => {
  const { hold, holds } = setup();
  holds.end();
  expect(await hold()).toBeUndefined();
});
