import { expect, test } from 'vitest';
import { aPod, aRule } from '../test/samples.ts';
import { selects, shareTargets } from './selection.ts';

const rule = { ...aRule([]), status: { targets: ['a', 'c', 'e'] } };

test('a rule decides only about Pods of its own namespace (D6)', () => {
  const elsewhere = aPod({ name: 'a' });
  expect(selects(rule, elsewhere)).toBe(true);
  expect(selects(rule, { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'bank' } })).toBe(false);
});

test.each([
  { targets: ['b', 'c'], shares: true },
  { targets: ['0', 'e'], shares: true },
  { targets: ['b', 'd', 'f'], shares: false },
  { targets: [], shares: false },
])('rule objects with the targets a, c, e and $targets share a Pod: $shares (H4)', ({ targets, shares }) => {
  expect(shareTargets(rule, { ...aRule([]), status: { targets } })).toBe(shares);
  expect(shareTargets({ ...aRule([]), status: { targets } }, rule)).toBe(shares);
});
