import { describe, expect, test } from 'vitest';
import { growthOf, renderScale, type SizeReport } from './scale-report.ts';

function size(podsPerSet: number, cpuSeconds: number, sets = 1): SizeReport {
  const timing = { pods: podsPerSet * sets, seconds: 2, passes: 10, passSeconds: 0.1, cpuSeconds };
  return { sets, podsPerSet, phases: { 'scale out': timing, 'in-place update': timing, 'scale in': timing } };
}

describe('the growth of a pass', () => {
  test('compares the growth of its CPU time with the growth of the number of Pods', () => {
    expect(growthOf([size(10, 0.1), size(100, 0.3), size(1000, 6)])).toEqual([
      { from: 10, to: 100, size: 10, cost: expect.closeTo(3) },
      { from: 100, to: 1000, size: 10, cost: expect.closeTo(20) },
    ]);
  });

  test('is empty for a single size', () => {
    expect(growthOf([size(10, 0.1)])).toEqual([]);
  });
});

test('the report says whether passes grow faster than the Pods', () => {
  const text = renderScale({
    node: 'v24',
    single: [size(10, 0.1), size(100, 0.3), size(1000, 6)],
    many: size(2, 1, 500),
  });
  // The report must also be readable in a file, so it has no colours.
  expect(text).not.toContain('\u001b');
  expect(text).toContain('10 → 100 Pods: 10.0× the Pods, 3.0× the CPU a pass: grows no faster');
  expect(text).toContain('100 → 1000 Pods: 10.0× the Pods, 20.0× the CPU a pass: GROWS FASTER');
  expect(text).toContain('500 × 2');
});
