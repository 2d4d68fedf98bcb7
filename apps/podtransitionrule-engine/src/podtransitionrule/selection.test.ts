import { expect, test } from 'vitest';
import { aPod, aRule } from '../test/samples.ts';
import { concerns, selects, shareTargets } from './selection.ts';

const rule = { ...aRule([]), status: { targets: ['a', 'c', 'e'] } };
const other = (name: string) => aPod({ name, labels: { app: 'other' } });

test('D6 a rule speaks about Pods of its own namespace only', () => {
  const elsewhere = aPod({ name: 'a' });
  expect(selects(rule, elsewhere)).toBe(true);
  expect(selects(rule, { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'bank' } })).toBe(false);
});

test.each([
  { name: 'one it selects', pod: aPod({ name: 'x' }), was: undefined, expected: true },
  { name: 'one it selected before', pod: other('x'), was: aPod({ name: 'x' }), expected: true },
  { name: 'one among its targets', pod: other('c'), was: undefined, expected: true },
  { name: 'the last of its targets', pod: other('e'), was: undefined, expected: true },
  { name: 'another one', pod: other('d'), was: other('d'), expected: false },
])('is a rule concerned by $name: $expected', ({ pod, was, expected }) => {
  expect(concerns(rule, pod, was)).toBe(expected);
});

test.each([
  { targets: ['b', 'c'], shares: true },
  { targets: ['0', 'e'], shares: true },
  { targets: ['b', 'd', 'f'], shares: false },
  { targets: [], shares: false },
])('H4 rule objects with the targets a, c, e and $targets share a Pod: $shares', ({ targets, shares }) => {
  expect(shareTargets(rule, { ...aRule([]), status: { targets } })).toBe(shares);
  expect(shareTargets({ ...aRule([]), status: { targets } }, rule)).toBe(shares);
});
