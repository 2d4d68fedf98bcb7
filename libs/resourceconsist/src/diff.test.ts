import { expect, test } from 'vitest';
import { diffById } from './diff.ts';

const record = (id: string, weight = 100) => ({ id, weight });

test.each([
  { name: 'nothing on either side', expected: [], current: [], diff: {} },
  { name: 'only expected: create', expected: [record('a')], current: [], diff: { create: [record('a')] } },
  { name: 'only at the provider: delete', expected: [], current: [record('a')], diff: { delete: [record('a')] } },
  { name: 'equal: unchanged', expected: [record('a')], current: [record('a')], diff: { unchanged: [record('a')] } },
  {
    name: 'different: update with the expected side',
    expected: [record('a', 0)],
    current: [record('a', 100)],
    diff: { update: [record('a', 0)] },
  },
  {
    name: 'each list is sorted by id',
    expected: [record('d'), record('b'), record('c', 1), record('a', 1)],
    current: [record('f'), record('c', 2), record('e'), record('a', 2)],
    diff: {
      create: [record('b'), record('d')],
      update: [record('a', 1), record('c', 1)],
      delete: [record('e'), record('f')],
    },
  },
])('diff: $name', ({ expected, current, diff }) => {
  expect(diffById(expected, current)).toEqual({ create: [], update: [], unchanged: [], delete: [], ...diff });
});

test('an adapter may say which records are equal', () => {
  expect(diffById([record('a', 1)], [record('a', 2)], () => true).unchanged).toEqual([record('a', 1)]);
});

test.each([
  { side: 'expected', expected: [record('a'), record('a')], current: [] },
  { side: 'current', expected: [], current: [record('a'), record('a')] },
])('a duplicate id on the $side side is an error', ({ side, expected, current }) => {
  expect(() => diffById(expected, current)).toThrow(`two ${side} records have the id "a"`);
});
