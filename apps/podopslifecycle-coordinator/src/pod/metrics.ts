import type { Metrics } from '@kuperator/runtime';
import type { StageTime } from './facts.ts';

export type PodMetrics = {
  /** Counts one write of a Pod by what it changed. */
  wrote(subresource: 'status' | undefined): void;
  /** Records the time operations spent in stages they left. */
  left(stages: readonly StageTime[]): void;
};

/** The coordinator's own metrics. No label carries a Pod's name: a cluster has too many. */
export function podMetrics(metrics: Metrics): PodMetrics {
  const writes = metrics.counter({
    name: 'kuperator_podopslifecycle_pod_writes_total',
    help: 'Writes of Pods: labels alone, or labels with the service-ready gate.',
    labels: ['changed'],
  });
  const stageSeconds = metrics.histogram({
    name: 'kuperator_podopslifecycle_stage_seconds',
    help: 'Time an operation spent in a lifecycle stage until it left it.',
    labels: ['stage', 'type'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  });
  return {
    wrote: (subresource) => writes.inc({ changed: subresource === 'status' ? 'gate' : 'labels' }),
    left: (stages) => {
      for (const { stage, type, seconds } of stages) stageSeconds.observe({ stage, type }, seconds);
    },
  };
}
