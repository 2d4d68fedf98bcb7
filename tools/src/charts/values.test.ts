import { expect, test } from 'vitest';
import { disagreeing, uncovered, unexplained } from './values.ts';

test.each([
  { name: 'a comment above', yaml: '# Why.\na: 1', missing: [] },
  { name: 'no comment', yaml: '# Why.\na: 1\nb: 2', missing: ['b'] },
  { name: 'a comment above the whole map', yaml: '# Why.\na:\n  b: 1\n  c: 2', missing: [] },
  { name: 'a comment on each part', yaml: 'a:\n  # Why.\n  b: 1\n  # Why too.\n  c: 2', missing: [] },
  { name: 'a comment on the first part only', yaml: 'a:\n  # Why.\n  b: 1\n  c: 2', missing: ['a.c'] },
  { name: 'an empty map', yaml: 'a: {}', missing: ['a'] },
  { name: 'no values', yaml: '', missing: [] },
])('values with $name: $missing lacks a comment', ({ yaml, missing }) => {
  expect(unexplained(yaml)).toEqual(missing);
});

const strict = { additionalProperties: false };

test.each([
  { name: 'known values', values: { a: 1 }, schema: { ...strict, properties: { a: {} } }, missing: [] },
  { name: 'an unknown value', values: { a: 1, b: 2 }, schema: { ...strict, properties: { a: {} } }, missing: ['b'] },
  {
    name: 'an unknown value inside',
    values: { a: { b: 1 } },
    schema: { ...strict, properties: { a: { ...strict, properties: {} } } },
    missing: ['a.b'],
  },
  {
    name: 'an object that allows any property',
    values: { a: {} },
    schema: { ...strict, properties: { a: { properties: {} } } },
    missing: ['a (needs additionalProperties: false)'],
  },
  { name: 'a free-form value', values: { a: { b: 1 } }, schema: { ...strict, properties: { a: {} } }, missing: [] },
])('$name: the schema misses $missing', ({ values, schema, missing }) => {
  expect(uncovered(values, schema)).toEqual(missing);
});

test('two charts that check the same value differently disagree', () => {
  const number = { properties: { replicaCount: { type: 'integer' }, own: { type: 'string' } } };
  const text = { properties: { replicaCount: { type: 'string' } } };
  expect(disagreeing({ one: number, two: number })).toEqual([]);
  expect(disagreeing({ one: number, two: text })).toEqual(['replicaCount in two and one']);
});
