import type { Pod } from '@kuperator/api';
import { aPod } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { type Change, ObjectCache } from './object-cache.ts';

function pod(version: number, uid = 'a', labels: Record<string, string> = {}): Pod {
  return aPod({ metadata: { name: 'web', uid, resourceVersion: String(version), labels } });
}

function cacheWithLog() {
  const changes: string[] = [];
  const emit = ({ type, object }: Change<Pod>) =>
    changes.push(`${type} ${object.metadata.uid}@${object.metadata.resourceVersion}`);
  const indexes = { app: (object: Pod) => (object.metadata.labels?.app ? [object.metadata.labels.app] : []) };
  return { cache: new ObjectCache<Pod>({ emit, indexes }), changes };
}

const KEY = 'default/web';

describe('read your writes', () => {
  test('shows the response of a write at once and drops its watch event', () => {
    const { cache, changes } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.observe(pod(12));
    cache.apply('MODIFIED', pod(12));
    expect(changes).toEqual(['added a@10', 'updated a@12']);
    expect(cache.version).toBe('12');
  });

  test('ignores a response that is older than the watch', () => {
    const { cache, changes } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.apply('MODIFIED', pod(14));
    cache.observe(pod(12));
    expect(cache.get(KEY)?.metadata.resourceVersion).toBe('14');
    expect(changes).toHaveLength(2);
  });

  test('drops older watch events that arrive after the response', () => {
    const { cache } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.observe(pod(14));
    cache.apply('MODIFIED', pod(12));
    expect(cache.get(KEY)?.metadata.resourceVersion).toBe('14');
  });

  test('does not bring back an object whose deletion the watch has shown', () => {
    const { cache, changes } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.apply('DELETED', pod(15));
    cache.observe(pod(12));
    expect(cache.get(KEY)).toBeUndefined();
    expect(changes).toEqual(['added a@10', 'deleted a@15']);
  });

  test('removes the object on a DELETED event with the version of the delete response', () => {
    const { cache } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.observe(pod(15));
    cache.apply('DELETED', pod(15));
    expect(cache.get(KEY)).toBeUndefined();
  });

  test('keeps an observed object of the same name when the deletion of the earlier one arrives', () => {
    const { cache, changes } = cacheWithLog();
    cache.replace([pod(10, 'a')], '10');
    cache.observe(pod(16, 'b'));
    cache.apply('DELETED', pod(15, 'a'));
    cache.apply('ADDED', pod(16, 'b'));
    expect(cache.get(KEY)?.metadata.uid).toBe('b');
    expect(changes).toEqual(['added a@10', 'deleted a@10', 'added b@16']);
  });

  test('keeps an object that is newer than a relist, and drops it if a later relist lacks it', () => {
    const { cache } = cacheWithLog();
    cache.replace([], '10');
    cache.observe(pod(14));
    cache.replace([], '12');
    expect(cache.get(KEY)).toBeDefined();
    cache.replace([], '20');
    expect(cache.get(KEY)).toBeUndefined();
  });

  test('accepts a response that arrives before the first list, unless that list lacks the object', () => {
    const { cache } = cacheWithLog();
    cache.observe(pod(14));
    cache.replace([], '20');
    expect(cache.get(KEY)).toBeUndefined();
  });
});

describe('an object that a write found missing (T92)', () => {
  test('disappears at once, and events from before its deletion do not bring it back', () => {
    const { cache, changes } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.observeGone(KEY, 'a');
    cache.apply('MODIFIED', pod(12));
    cache.observe(pod(13));
    expect(cache.get(KEY)).toBeUndefined();
    cache.apply('DELETED', pod(15));
    expect(changes).toEqual(['added a@10', 'deleted a@10']);
  });

  test('does not affect a later object of the same name', () => {
    const { cache } = cacheWithLog();
    cache.replace([pod(10, 'b')], '10');
    cache.observeGone(KEY, 'a');
    expect(cache.get(KEY)?.metadata.uid).toBe('b');
  });

  test('stays away through a relist that is older than the deletion', () => {
    const { cache } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.observeGone(KEY, 'a');
    cache.replace([pod(12)], '13');
    expect(cache.get(KEY)).toBeUndefined();
  });
});

describe('relist', () => {
  test('reports objects deleted while no watch ran, and a replaced object as deleted and added', () => {
    const { cache, changes } = cacheWithLog();
    const other = aPod({ metadata: { name: 'other', uid: 'o', resourceVersion: '9' } });
    cache.replace([pod(10, 'a'), other], '10');
    cache.replace([pod(18, 'b')], '20');
    expect(changes).toEqual(['added a@10', 'added o@9', 'deleted o@9', 'deleted a@10', 'added b@18']);
  });

  test('reports nothing if nothing has changed', () => {
    const { cache, changes } = cacheWithLog();
    cache.replace([pod(10)], '10');
    cache.replace([pod(10)], '20');
    expect(changes).toEqual(['added a@10']);
    expect(cache.version).toBe('20');
  });

  test('follows an API server whose state went back (etcd was restored)', () => {
    const { cache } = cacheWithLog();
    cache.replace([pod(100)], '100');
    cache.replace([pod(50)], '60');
    expect(cache.get(KEY)?.metadata.resourceVersion).toBe('50');
    expect(cache.version).toBe('60');
    cache.replace([], '40');
    expect(cache.get(KEY)).toBeUndefined();
  });
});

describe('indexes', () => {
  test('follow every change', () => {
    const { cache } = cacheWithLog();
    const found = (app: string) => cache.byIndex('app', app).map((object) => object.metadata.resourceVersion);
    cache.replace([pod(10, 'a', { app: 'x' })], '10');
    expect(found('x')).toEqual(['10']);
    cache.apply('MODIFIED', pod(11, 'a', { app: 'y' }));
    expect([found('x'), found('y')]).toEqual([[], ['11']]);
    cache.apply('DELETED', pod(12, 'a', { app: 'y' }));
    expect(found('y')).toEqual([]);
  });

  test('refuse an undeclared name', () => {
    expect(() => cacheWithLog().cache.byIndex('ap', 'x')).toThrow('no index "ap"; there are: app');
  });
});
