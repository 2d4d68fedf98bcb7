import { expect, test } from 'vitest';
import { own, setOwn } from './own.ts';
import { hasLabels, matchesSelector } from './selector.ts';
import { validate } from './test/validate.ts';

// The library of test helpers imports this one, so the names are listed here once more.
const INHERITED = Object.getOwnPropertyNames(Object.prototype);

test.each(INHERITED)('a record without %s has no value for it', (name) => {
  expect(own({}, name)).toBeUndefined();
  expect(own(undefined, name)).toBeUndefined();
  expect(own(null, name)).toBeUndefined();
});

test.each(INHERITED)('a record keeps what is set for %s, and stays a plain object', (name) => {
  const record: Record<string, unknown> = {};
  setOwn(record, name, { polluted: true });
  expect(own(record, name)).toEqual({ polluted: true });
  expect(Object.keys(record)).toEqual([name]);
  expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  expect(JSON.stringify(record)).toBe(`{"${name}":{"polluted":true}}`);
  expect('polluted' in {}).toBe(false);
});

test.each(INHERITED)('a selector that requires the label %s matches only objects that have it', (name) => {
  const asking = [
    { matchLabels: { [name]: 'a' } },
    { matchExpressions: [{ key: name, operator: 'Exists' as const }] },
    { matchExpressions: [{ key: name, operator: 'In' as const, values: ['a'] }] },
  ];
  for (const selector of asking) {
    expect(matchesSelector(selector, {})).toBe(false);
    expect(matchesSelector(selector, { [name]: 'a' })).toBe(true);
  }
  const refusing = [
    { matchExpressions: [{ key: name, operator: 'DoesNotExist' as const }] },
    { matchExpressions: [{ key: name, operator: 'NotIn' as const, values: ['a'] }] },
  ];
  for (const selector of refusing) {
    expect(matchesSelector(selector, {})).toBe(true);
    expect(matchesSelector(selector, { [name]: 'a' })).toBe(false);
  }
  expect(hasLabels({ [name]: 'a' }, {})).toBe(false);
  expect(hasLabels({ [name]: 'a' }, { [name]: 'a' })).toBe(true);
});

test.each(INHERITED)('a template without the label %s of its selector is refused', (name) => {
  const set = (labels: Record<string, string>) => ({
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { [name]: 'a' } }, template: { metadata: { labels } } },
  });
  expect(validate('CollaSet', set({ app: 'web' }))).toHaveLength(1);
  expect(validate('CollaSet', set({ [name]: 'a' }))).toEqual([]);
});

test.each(INHERITED)('a field named %s is refused like any other unknown field', (name) => {
  const errorsOf = (field: string) =>
    validate('PodTransitionRule', {
      metadata: { name: 'r' },
      spec: { selector: {}, [field]: 1, rules: [{ name: 'a', [field]: 1, labelCheck: { requires: {}, [field]: {} } }] },
    } as never);
  expect(errorsOf(name)).toEqual(errorsOf('unknown'));
});
