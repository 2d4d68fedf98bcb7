import { expect, test } from 'vitest';
import { boundedLabelValues } from './label-values.ts';

test('shows known values always, a bounded number of others, and the rest as one', () => {
  const shown = boundedLabelValues(['update'], 2);
  expect(['a', 'b', 'c', 'a', 'update', 'd'].map(shown)).toEqual(['a', 'b', 'other', 'a', 'update', 'other']);
});
