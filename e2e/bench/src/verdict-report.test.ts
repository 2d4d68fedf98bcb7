import { expect, test } from 'vitest';
import { renderVerdict, type VerdictSize } from './verdict-report.ts';

function size(pods: number, cpuSeconds: number): VerdictSize {
  const timing = {
    pods,
    seconds: 2,
    passes: 10,
    passSeconds: 0.1,
    cpuSeconds,
    evaluations: 10,
    evaluationSeconds: 0.05,
    statusWrites: 10,
  };
  const phases = { 'all arrive': timing, 'waits are explained': timing, 'rule edited': timing };
  return { pods, edits: 10, waiting: pods, statusBytes: pods * 250, phases };
}

const evaluation = (pods: number, againMs: number) => ({ pods, firstMs: 1, againMs, statusBytes: pods * 250 });
const event = (labels: number, others: number, microseconds: number) => ({ labels, others, microseconds });

test('the report shows what grows faster than allowed', () => {
  const text = renderVerdict({
    node: 'v24',
    sizes: [size(100, 0.1), size(1000, 1.4), size(2000, 5.6)],
    evaluations: [evaluation(1000, 2), evaluation(10_000, 40)],
    podEvents: [event(1, 10, 5), event(100, 10, 90), event(1, 1000, 5), event(100, 1000, 180)],
  });
  // The report must also be readable in a file, so it has no colours.
  expect(text).not.toContain('\u001b');
  expect(text).toContain('100 → 1000 Pods: 10.0× the Pods, 14.0× the CPU a pass: grows no faster');
  expect(text).toContain('1000 → 2000 Pods: 2.0× the Pods, 4.0× the CPU a pass: GROWS FASTER');
  expect(text).toContain('10.0× the Pods, 20.0× the CPU an evaluation: GROWS FASTER');
  expect(text).toContain('100.0× the labels, 18.0× the CPU an event beside 10 others: grows no faster');
  expect(text).toContain('1 labels, 10 → 1000 others: 1.0× the CPU an event: the same');
  expect(text).toContain('100 labels, 10 → 1000 others: 2.0× the CPU an event: GROWS WITH THE OTHERS');
});
