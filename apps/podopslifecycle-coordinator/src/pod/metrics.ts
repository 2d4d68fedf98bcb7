import { boundedLabelValues, type Metrics } from '@kuperator/runtime';
import type { StageTime } from './facts.ts';
import type { PodWrite } from './patch.ts';
import type { Wait } from './waits.ts';

/** Types of the operations of this project. Others choose theirs freely. */
const OPERATION_TYPES = ['update', 'scale-in', 'delete', 'pod-delete', 'replace', 'restart'];
const MORE_OPERATION_TYPES = 20;

export type PodMetrics = {
  /** Counts one write of a Pod by what it was made for. */
  wrote(changed: PodWrite['changed']): void;
  /** Records the time operations spent in stages they left. */
  left(stages: readonly StageTime[]): void;
};

/**
 * The coordinator's own metrics. No label carries a Pod's name: a cluster has too many.
 * @param stalled operations that wait beyond their deadline, read at each scrape
 */
export function podMetrics(metrics: Metrics, stalled: () => readonly Wait[]): PodMetrics {
  const writes = metrics.counter({
    name: 'kuperator_podopslifecycle_pod_writes_total',
    help: 'Writes of Pods: labels alone, labels with the service-ready gate, or only why an operation waits.',
    labels: ['changed'],
  });
  const stageSeconds = metrics.histogram({
    name: 'kuperator_podopslifecycle_stage_seconds',
    help: 'Time an operation spent in a lifecycle stage until it left it.',
    labels: ['stage', 'type'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  });
  metrics.gauge({
    name: 'kuperator_podopslifecycle_stalled',
    help: 'Operations that wait in a stage beyond the deadline, by who holds them.',
    labels: ['stage', 'holder'],
    collect: (gauge) => {
      gauge.reset();
      for (const { operation, holder } of stalled()) gauge.inc({ stage: operation.stage, holder });
    },
  });
  const shownType = boundedLabelValues(OPERATION_TYPES, MORE_OPERATION_TYPES);
  return {
    wrote: (changed) => writes.inc({ changed }),
    left: (stages) => {
      for (const { stage, type, seconds } of stages) stageSeconds.observe({ stage, type: shownType(type) }, seconds);
    },
  };
}
