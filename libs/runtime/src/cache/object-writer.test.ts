import { PODS, type Pod, SERVICES, type Service } from '@kuperator/api';
import { aPod, aService, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { ConflictError } from '../client/errors.ts';
import { objectWriter } from './object-writer.ts';

const KEY = 'default/web';

/** A Pod `default/web`, as it was read before `later` happened to it; the cache has not seen that yet. */
function setup({
  later,
  finalizers = [],
}: {
  later?: 'change' | 'removal' | 'replacement';
  finalizers?: string[];
} = {}) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aPod({ metadata: { name: 'web', uid: 'first', finalizers } }));
  const cache = cluster.informer(PODS);
  const pod = cache.get(KEY) as Pod;
  cache.pause();
  if (later === 'change') cluster.change(PODS, KEY, (seen) => ({ ...seen, spec: { ...seen.spec, nodeName: 'n' } }));
  if (later === 'removal' || later === 'replacement') cluster.remove(PODS, KEY);
  if (later === 'replacement') cluster.add(PODS, aPod({ metadata: { name: 'web', uid: 'second' } }));
  return { cluster, cache, pod, writer: objectWriter({ client: cluster.client, resource: PODS, cache }) };
}

const change = { body: { metadata: { labels: { a: '1' } } } };

describe('a patch', () => {
  test('requires the version it was decided from, and the cache shows it before the watch does', async () => {
    const { cluster, cache, pod, writer } = setup();
    const written = await writer.patch(pod, change);
    const { resourceVersion } = pod.metadata;
    expect(cluster.writes).toMatchObject([
      { verb: 'patch', body: { metadata: { uid: 'first', resourceVersion, labels: { a: '1' } } } },
    ]);
    expect(written?.metadata.labels).toMatchObject({ a: '1' });
    expect(cache.get(KEY)?.metadata.labels).toMatchObject({ a: '1' });
  });

  test('of an object that has changed since it was read is a conflict', async () => {
    const { pod, writer } = setup({ later: 'change' });
    await expect(writer.patch(pod, change)).rejects.toBeInstanceOf(ConflictError);
  });

  test('by uid alone applies to the object however it has changed', async () => {
    const { cluster, pod, writer } = setup({ later: 'change' });
    await writer.patch(pod, { ...change, precondition: 'uid' });
    expect(cluster.get(PODS, KEY)).toMatchObject({ metadata: { labels: { a: '1' } }, spec: { nodeName: 'n' } });
  });

  test('of an object that is gone writes nothing, and the cache drops the object', async () => {
    const { cache, pod, writer } = setup({ later: 'removal' });
    expect(await writer.patch(pod, change)).toBeUndefined();
    expect(cache.get(KEY)).toBeUndefined();
  });

  test('as a dry run leaves the cache as it was', async () => {
    const { cache, pod, writer } = setup();
    await writer.patch(pod, { ...change, dryRun: true });
    expect(cache.get(KEY)).toBe(pod);
  });
});

describe('a deletion', () => {
  test('requires the version it was decided from, and the cache shows the Pod as terminating', async () => {
    const { cluster, cache, pod, writer } = setup();
    const { uid, resourceVersion } = pod.metadata;
    await writer.delete(pod);
    expect(cluster.writes).toMatchObject([{ verb: 'delete', body: { preconditions: { uid, resourceVersion } } }]);
    expect(cache.get(KEY)?.metadata.deletionTimestamp).toBeDefined();
  });

  test('of an object that is deleted at once removes it from the cache before the watch does', async () => {
    const cluster = new InMemoryCluster();
    cluster.add(SERVICES, aService({ metadata: { name: 'web' } }));
    const cache = cluster.informer(SERVICES);
    const service = cache.get(KEY) as Service;
    cache.pause();
    await objectWriter({ client: cluster.client, resource: SERVICES, cache }).delete(service);
    expect(cache.get(KEY)).toBeUndefined();
  });

  test('of an object with finalizers makes the cache show it as terminating', async () => {
    const { cache, pod, writer } = setup({ finalizers: ['example.com/keep'] });
    await writer.delete(pod);
    expect(cache.get(KEY)?.metadata.deletionTimestamp).toBeDefined();
  });

  test.each(['change', 'replacement'] as const)('after a %s is a conflict', async (later) => {
    const { cluster, pod, writer } = setup({ later });
    await expect(writer.delete(pod)).rejects.toBeInstanceOf(ConflictError);
    expect(cluster.get(PODS, KEY)).toBeDefined();
  });

  test('of an object that is already gone is not an error', async () => {
    const { cache, pod, writer } = setup({ later: 'removal' });
    await writer.delete(pod);
    expect(cache.get(KEY)).toBeUndefined();
  });
});
