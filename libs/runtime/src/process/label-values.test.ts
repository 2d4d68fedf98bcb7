import { expect, test } from 'vitest';
import { boundedLabelValues } from './label-values.ts';

test('always shows known values, a limited number of others, and the rest as one value', () => {
  const shown = boundedLabelValues(['update'], 2);
  expect(['a', 'b', 'c', 'a', 'update', 'd'].map(shown)).toEqual(['a', 'b', 'other', 'a', 'update', 'other']);
});
