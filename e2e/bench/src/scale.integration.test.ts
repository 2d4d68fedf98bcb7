import { expect, test } from 'vitest';
import { measureScale } from './scale.ts';
import { renderScale, SCALE_PHASES } from './scale-report.ts';

// The suite makes five rolls, one after the other.
test('the scale suite measures every phase of every size', { timeout: 180_000 }, async () => {
  const report = await measureScale({ sizes: [2, 4], sets: 3, podsPerSet: 2, enoughPods: 4 });
  expect(report.single.map(({ podsPerSet }) => podsPerSet)).toEqual([2, 4]);
  expect(report.many).toMatchObject({ sets: 3, podsPerSet: 2 });
  for (const { phases } of [...report.single, report.many]) {
    for (const phase of SCALE_PHASES) {
      expect(phases[phase].pods).toBeGreaterThanOrEqual(4);
      expect(phases[phase].passes).toBeGreaterThan(0);
      expect(phases[phase].cpuSeconds).toBeGreaterThan(0);
    }
  }
  expect(renderScale(report)).toContain('2 → 4 Pods');
});
