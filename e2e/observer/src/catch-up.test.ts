import type { KubeObject } from '@kuperator/api';
import { expect, test } from 'vitest';
import { hasCaughtUp } from './catch-up.ts';

const object = (uid: string, version: number): KubeObject => ({
  metadata: { name: uid, uid, resourceVersion: String(version) },
});
const list = { metadata: { resourceVersion: '20' }, items: [object('a', 5), object('b', 12)] };

test.each([
  { name: 'has every listed object', held: [object('a', 5), object('b', 12)], version: 12n, caughtUp: true },
  { name: 'is just delivering an object', held: [object('a', 5), object('b', 12)], version: 9n, caughtUp: true },
  { name: 'is ahead', held: [object('a', 5), object('b', 25), object('c', 24)], version: 25n, caughtUp: true },
  { name: 'saw an object deleted since the list', held: [object('a', 5)], version: 22n, caughtUp: true },
  { name: 'lags behind a change', held: [object('a', 5), object('b', 9)], version: 9n, caughtUp: false },
  { name: 'lags behind a creation', held: [object('a', 5)], version: 5n, caughtUp: false },
  {
    name: 'lags behind a deletion',
    held: [object('a', 5), object('b', 12), object('c', 7)],
    version: 12n,
    caughtUp: false,
  },
])('a watch that $name has caught up: $caughtUp', ({ held, version, caughtUp }) => {
  expect(hasCaughtUp({ list: () => held, resourceVersion: () => version }, list)).toBe(caughtUp);
});
