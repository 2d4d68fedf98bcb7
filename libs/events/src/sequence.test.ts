import { expect, test } from 'vitest';
import { sequenceSource } from './sequence.ts';

test('increases in text order, within a millisecond and when the clock is set back', () => {
  const times = [1_000, 1_000, 1_001, 900, 1_700_000_000_000];
  const next = sequenceSource(() => times.shift() ?? 0);
  const numbers = [next(), next(), next(), next(), next()];
  expect(numbers.toSorted()).toEqual(numbers);
  expect(new Set(numbers).size).toBe(5);
  expect(numbers[0]).toBe('00000000010000000000');
});
