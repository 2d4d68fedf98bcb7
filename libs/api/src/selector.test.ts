import { describe, expect, test } from 'vitest';
import type { LabelSelector } from './core.ts';
import { hasLabels, matchesSelector, selectorToString } from './selector.ts';

const labels = { app: 'web', tier: 'front' };

test.each<{ name: string; selector: LabelSelector | undefined; matches: boolean }>([
  { name: 'no selector', selector: undefined, matches: false },
  { name: 'the empty selector', selector: {}, matches: true },
  { name: 'a label', selector: { matchLabels: { app: 'web' } }, matches: true },
  { name: 'all of several labels', selector: { matchLabels: { app: 'web', tier: 'back' } }, matches: false },
  { name: 'a label that is missing', selector: { matchLabels: { zone: '' } }, matches: false },
  {
    name: 'In',
    selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'web'] }] },
    matches: true,
  },
  {
    name: 'In without the label',
    selector: { matchExpressions: [{ key: 'x', operator: 'In', values: [''] }] },
    matches: false,
  },
  {
    name: 'NotIn',
    selector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
    matches: false,
  },
  {
    name: 'NotIn without the label',
    selector: { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] },
    matches: true,
  },
  { name: 'Exists', selector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, matches: true },
  { name: 'DoesNotExist', selector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, matches: false },
  {
    name: 'labels and expressions together',
    selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
    matches: false,
  },
  {
    name: 'an unknown operator',
    selector: { matchExpressions: [{ key: 'app', operator: 'Equals' as never, values: ['web'] }] },
    matches: false,
  },
])('$name: $matches', ({ selector, matches }) => {
  expect(matchesSelector(selector, labels)).toBe(matches);
});

test('only an expression for a missing label matches an object without labels', () => {
  expect(matchesSelector({ matchLabels: { app: 'web' } }, undefined)).toBe(false);
  expect(matchesSelector({ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, undefined)).toBe(true);
});

test.each<{ name: string; selector: Record<string, string> | undefined; has: boolean }>([
  { name: 'its labels', selector: { app: 'web', tier: 'front' }, has: true },
  { name: 'another value', selector: { app: 'web', tier: 'back' }, has: false },
  { name: 'no label', selector: {}, has: false },
  { name: 'nothing', selector: undefined, has: false },
])('a Service that selects by $name has it: $has', ({ selector, has }) => {
  expect(hasLabels(selector, labels)).toBe(has);
});

describe('as a string', () => {
  test('has every requirement, in the same order for equal selectors', () => {
    const selector: LabelSelector = {
      matchLabels: { tier: 'front', app: 'web' },
      matchExpressions: [
        { key: 'zone', operator: 'In', values: ['b', 'a'] },
        { key: 'old', operator: 'DoesNotExist' },
        { key: 'env', operator: 'NotIn', values: ['test'] },
        { key: 'owner', operator: 'Exists' },
      ],
    };
    expect(selectorToString(selector)).toBe('!old,app=web,env notin (test),owner,tier=front,zone in (a,b)');
  });

  test('is empty for the selector of everything', () => {
    expect(selectorToString({})).toBe('');
  });

  test('contains an unknown operator', () => {
    const selector = { matchExpressions: [{ key: 'app', operator: 'Equals' as never }] };
    expect(() => selectorToString(selector)).toThrow(
      'operator Equals of key app is not In, NotIn, Exists or DoesNotExist',
    );
  });
});
