import { isReady, isTerminating, own, POD_EVICT_OPERATION_ID, type Pod } from '@kuperator/api';
import { hasOperation, operationsOf } from '@kuperator/lifecycle';
import type { PodDisruptionBudget } from '../resources.ts';

/**
 * `yes`: an eviction would be let through, also once the Pod is drained. `delete`: it would be let through now but not once the Pod
 * is drained, though nothing needs to be healthy: the API server counts no healthy Pod then, and so allows no disruption.
 */
export type Eviction = 'yes' | 'delete' | 'no';

/** How long the eviction API remembers a Pod it has let go. */
const DISRUPTED_MS = 120_000;

/**
 * Whether `pod` may be drained for its eviction under the one budget that selects it. As the eviction API decides, but counting
 * Pods that are being drained as unhealthy from the moment it began: two drains at once must not use the same allowance, to find
 * themselves both out of service and both refused. Pure.
 * @param pods all that the budget selects, as the API server has them now, `pod` among them
 */
export function evictionUnder(budget: PodDisruptionBudget, pods: readonly Pod[], pod: Pod, nowMs: number): Eviction {
  const { spec, status, metadata } = budget;
  if (!status || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return 'no';
  const desired = status.desiredHealthy ?? 0;
  const isHealthy = (each: Pod) => isReady(each) && !isTerminating(each) && !isLeaving(each) && !isDisrupted(each);
  const isDisrupted = (each: Pod) => {
    const since = own(status.disruptedPods, each.metadata.name ?? '');
    return since !== undefined && nowMs - Date.parse(since) < DISRUPTED_MS;
  };
  const healthy = pods.filter(isHealthy).length;
  if (!isReady(pod)) {
    if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return 'yes';
    if (desired > 0 && healthy >= desired) return 'yes';
  }
  if (healthy - desired <= 0) return 'no';
  return desired === 0 ? 'delete' : 'yes';
}

/** Out of service by an operation, or soon. Others that wait for their rules may wait for long, and serve. */
function isLeaving(pod: Pod): boolean {
  return (
    hasOperation(pod, POD_EVICT_OPERATION_ID) ||
    operationsOf(pod).some(({ stage }) => stage !== 'PreCheck' && stage !== 'PostCheck' && stage !== 'Completing')
  );
}
