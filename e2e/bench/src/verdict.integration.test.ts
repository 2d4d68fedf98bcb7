import { expect, test } from 'vitest';
import { measureVerdict } from './verdict.ts';
import { renderVerdict, VERDICT_PHASES } from './verdict-report.ts';

test('the verdict suite measures every phase of every size, and the parts by themselves', async () => {
  const apart = { pods: [5, 10], labels: [1, 2], others: [1, 2] };
  const report = await measureVerdict({ sizes: [5, 10], edits: 2, apart });
  expect(report.sizes.map(({ pods, waiting }) => ({ pods, waiting }))).toEqual([
    { pods: 5, waiting: 4 },
    { pods: 10, waiting: 9 },
  ]);
  for (const { phases, statusBytes } of report.sizes) {
    expect(statusBytes).toBeGreaterThan(0);
    for (const phase of VERDICT_PHASES) expect(phases[phase].seconds).toBeGreaterThan(0);
    expect(phases['all arrive'].passes).toBeGreaterThan(0);
    expect(phases['rule edited'].statusWrites).toBeGreaterThanOrEqual(2);
    expect(phases['rule edited'].cpuSeconds).toBeGreaterThan(0);
  }
  expect(report.evaluations).toHaveLength(2);
  expect(report.podEvents).toHaveLength(4);
  expect(renderVerdict(report)).toContain('5 → 10 Pods');
  // The suite waits three times until the coordinator explains why Pods wait, which takes ten seconds each.
}, 180_000);
