import { expect, test } from 'vitest';
import { median, renderAttacks } from './report.ts';

test('the report names the worst operator and the first broken promise of each attack', () => {
  const loads = [
    { operator: 'small', residentMiB: 90, stopMs: 40 },
    { operator: 'large', residentMiB: 200, stopMs: 12 },
  ];
  const spell = { sent: 10, refused: 4, rollSeconds: [3, 1, 2], shrinkSeconds: [0.5], loads };
  const text = renderAttacks({
    node: 'v24',
    spells: [
      { name: 'none', ...spell, complaints: [], restarts: [] },
      {
        name: 'labels',
        ...spell,
        complaints: ['2 Pods were out of traffic at once, 1 is allowed'],
        restarts: ['large'],
      },
    ],
  });
  const [, , , calm, attacked] = text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));
  expect(calm?.slice(1, -1)).toEqual(['none', '10 (4)', '2.0, 3.0', '0.5, 0.5', '200 (large)', '40 (small)', 'none']);
  expect(attacked?.at(-2)).toBe('2: 2 Pods were out of traffic at once, 1 is allowed');
});

test('the median of an even number of values is the greater of the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(3);
});
