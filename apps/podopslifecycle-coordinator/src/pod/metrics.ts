import { actorOf } from '@kuperator/holders';
import { boundedLabelValues, type Metrics } from '@kuperator/runtime';
import type { Wait } from './explain.ts';
import type { StageTime } from './facts.ts';
import type { PodWrite } from './patch.ts';

/** The operation types of this project. Other operation controllers choose theirs freely. */
const OPERATION_TYPES = ['update', 'scale-in', 'delete', 'pod-delete', 'replace', 'restart'];
const MORE_OPERATION_TYPES = 20;

export type PodMetrics = {
  /** Counts one write of a Pod by its purpose. */
  wrote(changed: PodWrite['changed']): void;
  /** Records how long operations were in the stages that they left. */
  left(stages: readonly StageTime[]): void;
};

/**
 * The metrics about Pods. No label contains the name of a Pod: a cluster has too many of them.
 * @param stalled the operations that wait beyond their deadline; called at each scrape
 */
export function podMetrics(metrics: Metrics, stalled: () => readonly Wait[]): PodMetrics {
  const writes = metrics.counter({
    name: 'kuperator_podopslifecycle_pod_writes_total',
    help: 'Writes of Pods, by purpose: labels alone, the service-ready gate with labels, or only the report of what an operation waits for.',
    labels: ['changed'],
  });
  const stageSeconds = metrics.histogram({
    name: 'kuperator_podopslifecycle_stage_seconds',
    help: 'Time that operations spent in a lifecycle stage, recorded when they leave it.',
    labels: ['stage', 'type'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  });
  metrics.gauge({
    name: 'kuperator_podopslifecycle_stalled',
    help: 'Operations that wait in a stage beyond the deadline, by holder.',
    labels: ['stage', 'holder'],
    collect: (gauge) => {
      gauge.reset();
      for (const { operation, holder } of stalled()) gauge.inc({ stage: operation.stage, holder: actorOf(holder) });
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
