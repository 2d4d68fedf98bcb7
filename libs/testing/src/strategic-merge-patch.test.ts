import { expect, test } from 'vitest';
import { strategicMergePatch } from './strategic-merge-patch.ts';

test.each([
  {
    name: 'merges lists by their key and keeps their order',
    target: { conditions: [{ type: 'A', status: 'True', reason: 'r' }, { type: 'B' }] },
    patch: { conditions: [{ type: 'A', status: 'False' }, { type: 'C' }] },
    result: { conditions: [{ type: 'A', status: 'False', reason: 'r' }, { type: 'B' }, { type: 'C' }] },
  },
  {
    name: 'deletes an item of a list',
    target: { containers: [{ name: 'a' }, { name: 'b' }] },
    patch: { containers: [{ name: 'a', $patch: 'delete' }] },
    result: { containers: [{ name: 'b' }] },
  },
  {
    name: 'merges finalizers, and deletes single ones',
    target: { finalizers: ['a', 'b'] },
    patch: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] },
    result: { finalizers: ['b', 'c'] },
  },
  {
    name: 'replaces lists without a key',
    target: { args: ['a', 'b'] },
    patch: { args: ['c'] },
    result: { args: ['c'] },
  },
  {
    name: 'removes null fields, at any depth',
    target: { spec: { a: 1, b: { c: 2 } } },
    patch: { spec: { a: null, b: { c: null } } },
    result: { spec: { b: {} } },
  },
  {
    name: 'replaces an object when told to',
    target: { labels: { a: '1' } },
    patch: { labels: { $patch: 'replace', b: '2' } },
    result: { labels: { b: '2' } },
  },
])('$name', ({ target, patch, result }) => {
  const before = structuredClone(target);
  expect(strategicMergePatch(target, patch)).toEqual(result);
  expect(target).toEqual(before);
});
