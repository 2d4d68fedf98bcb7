import { expect, test } from 'vitest';
import { checkReplicas, replicaNames, selectOperators } from './operators.ts';

const available = ['a', 'b', 'c'];

test.each([
  { wanted: 'all' as const, selected: available },
  { wanted: 'none' as const, selected: [] },
  { wanted: ['b'], selected: ['b'] },
  { wanted: ['b', 'a', 'b'], selected: ['b', 'a'] },
])('selects $selected of $wanted', ({ wanted, selected }) => {
  expect(selectOperators(wanted, available)).toEqual(selected);
});

test('an operator that needs a cloud runs only where there is one', () => {
  const apps = ['a', 'aliyun-slb-adapter'];
  expect(selectOperators('all', apps)).toEqual(['a']);
  expect(selectOperators('all', apps, { hasCloud: true })).toEqual(apps);
  expect(selectOperators(['aliyun-slb-adapter'], apps)).toEqual(['aliyun-slb-adapter']);
});

test('lists the operators if the name is unknown', () => {
  expect(() => selectOperators(['a', 'x'], available)).toThrow('no operator x; there are a, b, c');
});

test.each([
  { replicas: 1, names: ['a'] },
  { replicas: 3, names: ['a-0', 'a-1', 'a-2'] },
])('names $replicas replicas $names', ({ replicas, names }) => {
  expect(replicaNames('a', replicas)).toEqual(names);
});

test.each([0, -1, 1.5, Number.NaN])('refuses %s replicas', (replicas) => {
  expect(() => replicaNames('a', replicas)).toThrow('replicas of a');
});

test('only an operator that runs may have replicas', () => {
  expect(() => checkReplicas({ a: 2, b: 1 }, available)).not.toThrow();
  expect(() => checkReplicas({ a: 2, x: 1 }, available)).toThrow(
    'replicas of x: no such operator runs; running are a, b, c',
  );
  expect(() => checkReplicas({ a: 2 }, [])).toThrow('running are none');
  expect(() => checkReplicas({ a: 0 }, available)).toThrow('replicas of a: 0');
});
