import { COLLA_SETS, PODS, type Pod } from '@kuperator/api';
import { ConflictError, ConnectionError, InvalidError } from '@kuperator/runtime';
import { describe, expect, test } from 'vitest';
import { aCollaSet, aCondition, aPod } from './builders.ts';
import { InMemoryCluster } from './in-memory-cluster.ts';

const REF = { namespace: 'default', name: 'web' };
const KEY = 'default/web';

function clusterWith(pod: Pod = aPod({ metadata: REF })): InMemoryCluster {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, pod);
  return cluster;
}

describe('writes', () => {
  test('a merge patch removes what is null and keeps the rest', async () => {
    const cluster = clusterWith(aPod({ metadata: { ...REF, labels: { a: '1', b: '2' } } }));
    await cluster.client.patch(PODS, REF, { type: 'merge', body: { metadata: { labels: { a: null, c: '3' } } } });
    expect(cluster.get(PODS, KEY)?.metadata.labels).toEqual({ 'kusionstack.io/control': 'true', b: '2', c: '3' });
  });

  test('a patch of pods/status merges conditions by type and changes labels, but not the spec', async () => {
    const cluster = clusterWith();
    const body = {
      metadata: { labels: { step: 'one' } },
      spec: { nodeName: 'elsewhere' },
      status: { conditions: [aCondition('gate', true)] },
    };
    await cluster.client.patch(PODS, REF, { type: 'strategic', body }, { subresource: 'status' });
    const pod = cluster.get(PODS, KEY);
    expect(pod?.metadata.labels?.step).toBe('one');
    expect(pod?.spec.nodeName).toBe('node-1');
    expect(pod?.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'ContainersReady', 'gate']);
  });

  test('the status of a custom resource changes only through its subresource', async () => {
    const cluster = new InMemoryCluster();
    cluster.add(COLLA_SETS, aCollaSet({ metadata: REF }));
    const patch = (body: object, subresource?: string) =>
      cluster.client.patch(COLLA_SETS, REF, { type: 'merge', body }, subresource ? { subresource } : {});
    const ignored = await patch({ status: { replicas: 5 } });
    expect(ignored.status).toBeUndefined();
    const status = await patch({ status: { replicas: 5 }, metadata: { labels: { a: 'b' } } }, 'status');
    expect([status.status?.replicas, status.metadata.labels, status.metadata.generation]).toEqual([5, undefined, 1]);
    expect((await patch({ spec: { replicas: 3 } })).metadata.generation).toBe(2);
  });

  test('a write that changes nothing causes no new version', async () => {
    const cluster = clusterWith();
    const before = cluster.resourceVersion;
    await cluster.client.patch(PODS, REF, { type: 'merge', body: { spec: { nodeName: 'node-1' } } });
    expect(cluster.resourceVersion).toBe(before);
  });

  test('preconditions: a stale version conflicts, another uid is refused', async () => {
    const cluster = clusterWith();
    const patch = (metadata: object) => cluster.client.patch(PODS, REF, { type: 'merge', body: { metadata } });
    await expect(patch({ resourceVersion: '1' })).rejects.toThrow(ConflictError);
    await expect(patch({ uid: 'other' })).rejects.toThrow(InvalidError);
  });

  test('a JSON patch tests before it changes', async () => {
    const cluster = clusterWith(aPod({ metadata: { ...REF, finalizers: ['a', 'b'] } }));
    const patch = (value: string) =>
      cluster.client.patch(PODS, REF, {
        type: 'json',
        body: [
          { op: 'test', path: '/metadata/finalizers/0', value },
          { op: 'remove', path: '/metadata/finalizers/0' },
          { op: 'add', path: '/metadata/labels/example.io~1x', value: 'y' },
        ],
      });
    await expect(patch('b')).rejects.toThrow(InvalidError);
    expect((await patch('a')).metadata.finalizers).toEqual(['b']);
    expect(cluster.get(PODS, KEY)?.metadata.labels?.['example.io/x']).toBe('y');
  });
});

describe('deletion', () => {
  test('a Pod on a node terminates gracefully, and is removed when its grace period is over and its finalizers are gone', async () => {
    const cluster = clusterWith(aPod({ metadata: { ...REF, finalizers: ['hold'] } }));
    const answer = await cluster.client.delete(PODS, REF);
    expect(answer?.metadata.deletionGracePeriodSeconds).toBe(30);
    cluster.finishTermination(PODS, KEY);
    expect(cluster.get(PODS, KEY)).toBeDefined();
    await cluster.client.patch(PODS, REF, { type: 'merge', body: { metadata: { finalizers: null } } });
    expect(cluster.get(PODS, KEY)).toBeUndefined();
  });

  test('a Pod without a node is removed at once', async () => {
    const cluster = clusterWith(aPod({ metadata: REF, spec: { nodeName: undefined } }));
    expect((await cluster.client.delete(PODS, REF))?.metadata.name).toBe('web');
    expect(cluster.list(PODS)).toEqual([]);
  });

  test('a custom resource waits for its finalizers', async () => {
    const cluster = new InMemoryCluster();
    cluster.add(COLLA_SETS, aCollaSet({ metadata: { ...REF, finalizers: ['hold'] } }));
    expect((await cluster.client.delete(COLLA_SETS, REF))?.metadata.deletionTimestamp).toBeDefined();
    await cluster.client.patch(COLLA_SETS, REF, { type: 'merge', body: { metadata: { finalizers: [] } } });
    expect(cluster.list(COLLA_SETS)).toEqual([]);
  });
});

describe('faults', () => {
  test('the n-th matching write fails before it takes effect', async () => {
    const cluster = clusterWith();
    const label = (value: string) =>
      cluster.client.patch(PODS, REF, { type: 'merge', body: { metadata: { labels: { value } } } });
    cluster.failWrite({ nth: 2, verb: 'patch', resource: 'pods', error: { status: 409, reason: 'Conflict' } });
    await label('one');
    await expect(label('two')).rejects.toThrow(ConflictError);
    expect(cluster.get(PODS, KEY)?.metadata.labels?.value).toBe('one');
    await label('three');
    expect(cluster.writes).toHaveLength(3);
  });

  test('a lost response: the write took effect', async () => {
    const cluster = clusterWith();
    cluster.failWrite({ error: 'connection', takesEffect: true });
    const patched = cluster.client.patch(PODS, REF, { type: 'merge', body: { metadata: { labels: { value: 'x' } } } });
    await expect(patched).rejects.toThrow(ConnectionError);
    expect(cluster.get(PODS, KEY)?.metadata.labels?.value).toBe('x');
  });
});

describe('informers', () => {
  test('follow at once, or fall behind while paused', async () => {
    const cluster = clusterWith();
    const informer = cluster.informer(PODS, { indexes: { node: (pod) => [pod.spec.nodeName ?? ''] } });
    const seen: string[] = [];
    informer.onChange(({ type, key }) => seen.push(`${type} ${key}`));
    expect(informer.byIndex('node', 'node-1')).toHaveLength(1);
    informer.pause();
    cluster.add(PODS, aPod({ metadata: { name: 'late' } }));
    expect(informer.keys()).toEqual([KEY]);
    informer.resume();
    cluster.remove(PODS, KEY);
    expect(seen).toEqual(['added default/late', 'deleted default/web']);
  });

  test('show their own writes, like a real informer', async () => {
    const cluster = clusterWith();
    const informer = cluster.informer(PODS);
    informer.pause();
    const patched = await cluster.client.patch(PODS, REF, {
      type: 'merge',
      body: { metadata: { labels: { a: 'b' } } },
    });
    informer.observe(patched);
    expect(informer.get(KEY)?.metadata.labels?.a).toBe('b');
  });

  test('return frozen objects, so that a test fails if it changes a cached object', () => {
    const pod = clusterWith().informer(PODS).get(KEY);
    expect(() => {
      if (pod) pod.spec.nodeName = 'other';
    }).toThrow(TypeError);
  });
});

test('a copy of a cluster has its objects and versions, and is independent afterwards', async () => {
  const cluster = clusterWith();
  const copy = new InMemoryCluster({ copyOf: cluster });
  expect(copy.get(PODS, KEY)).toEqual(cluster.get(PODS, KEY));
  await copy.client.patch(PODS, REF, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
  expect(copy.get(PODS, KEY)?.metadata.labels?.a).toBe('b');
  expect(cluster.get(PODS, KEY)?.metadata.labels?.a).toBeUndefined();
  expect(BigInt(copy.resourceVersion)).toBeGreaterThan(BigInt(cluster.resourceVersion));
});

test('builders need only what matters, and remove fields that are undefined', () => {
  const pod = aPod({ ready: false, metadata: { labels: { app: 'x' } }, spec: { nodeName: undefined } });
  expect(pod.metadata.labels).toEqual({ 'kusionstack.io/control': 'true', app: 'x' });
  expect(pod.spec).not.toHaveProperty('nodeName');
  expect(pod.status?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'False' });
});
