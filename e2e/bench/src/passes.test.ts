import { expect, test } from 'vitest';
import { parsePasses, passesBetween } from './passes.ts';

const METRICS = `# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{app="collaset-controller"} 3.25
process_cpu_user_seconds_total{app="collaset-controller"} 3
kuperator_reconcile_seconds_bucket{le="0.005",controller="collaset",result="success"} 4
kuperator_reconcile_seconds_sum{app="collaset-controller",controller="collaset",result="success"} 0.5
kuperator_reconcile_seconds_count{app="collaset-controller",controller="collaset",result="success"} 10
kuperator_reconcile_seconds_sum{app="collaset-controller",controller="collaset",result="error"} 0.25
kuperator_reconcile_seconds_count{app="collaset-controller",controller="collaset",result="error"} 1
kuperator_reconcile_seconds_count{app="collaset-controller",controller="other",result="success"} 7
`;

test('counts the passes of one controller, whatever their result, and the CPU of its process', () => {
  expect(parsePasses(METRICS, 'collaset')).toEqual({ passes: 11, passSeconds: 0.75, cpuSeconds: 3.25 });
});

test('names the missing metric', () => {
  expect(() => parsePasses(METRICS, 'pod')).toThrow(
    'no metric kuperator_reconcile_seconds_count with controller="pod"',
  );
});

test('computes the difference between two reads', () => {
  const before = parsePasses(METRICS, 'collaset');
  expect(passesBetween(before, { passes: 15, passSeconds: 1, cpuSeconds: 4 })).toEqual({
    passes: 4,
    passSeconds: 0.25,
    cpuSeconds: 0.75,
  });
});
