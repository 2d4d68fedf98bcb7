import { INSTANCE_ID_LABEL, type Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import { doubledInstances } from './instances.ts';
import type { PodVersion } from './sighting.ts';

const seen = (version: bigint, uid: string, change: { id?: string; set?: string; end?: 'terminating' | 'gone' } = {}) =>
  ({
    version,
    atMs: 0,
    gone: change.end === 'gone',
    pod: {
      metadata: {
        namespace: 'shop',
        name: `web-${uid}`,
        uid,
        labels: { [INSTANCE_ID_LABEL]: change.id ?? '0' },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'CollaSet', name: change.set ?? 'web', uid: change.set ?? 'web', controller: true },
        ],
        ...(change.end === 'terminating' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      },
      spec: { containers: [] },
    } satisfies Pod,
  }) satisfies PodVersion;

test.each([
  { name: 'one Pod changes', pods: [seen(1n, 'a'), seen(2n, 'a')] },
  {
    name: 'a new Pod is created after the old one has gone',
    pods: [seen(1n, 'a'), seen(2n, 'a', { end: 'gone' }), seen(3n, 'b')],
  },
  {
    name: 'a new Pod is created while the old one terminates',
    pods: [seen(1n, 'a'), seen(2n, 'a', { end: 'terminating' }), seen(3n, 'b')],
  },
  { name: 'the ids differ', pods: [seen(1n, 'a'), seen(2n, 'b', { id: '1' })] },
  { name: 'the sets differ', pods: [seen(1n, 'a'), seen(2n, 'b', { set: 'other' })] },
])('reports no duplicate instance if $name', ({ pods }) => {
  expect(doubledInstances({ touches: [], traffic: [], pods, proxyPeriodMs: 0 })).toEqual([]);
});

test('reports a second Pod of an id once', () => {
  const pods = [seen(1n, 'a'), seen(2n, 'b'), seen(3n, 'b'), seen(4n, 'a', { end: 'gone' }), seen(5n, 'b')];
  expect(doubledInstances({ touches: [], traffic: [], pods, proxyPeriodMs: 0 })).toEqual([
    { set: 'web', id: '0', pods: ['shop/web-a', 'shop/web-b'], version: 2n },
  ]);
});
