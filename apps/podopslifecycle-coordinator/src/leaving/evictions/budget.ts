import { isReady, isTerminating, own, POD_EVICT_OPERATION_ID, type Pod } from '@kuperator/api';
import { hasOperation, operationsOf } from '@kuperator/lifecycle';
import type { PodDisruptionBudget } from '../../resources.ts';

/**
 * What to do with a Pod that is to be evicted. `yes`: drain it, and the eviction API lets it go once it is drained. `delete`: drain and
 * delete it. The eviction API would let it go now, but not once it is drained: the budget needs no healthy Pod, but the API server then
 * counts none and allows no disruption. `no`: the budget has no room.
 */
export type Eviction = 'yes' | 'delete' | 'no';

/** How long the eviction API remembers a Pod that it has let go. */
const DISRUPTED_MS = 120_000;

/**
 * Whether `pod` may be drained for its eviction under the one budget that selects it. The rule is that of the eviction API, except that a Pod
 * counts as unhealthy from the moment its drain begins. Otherwise two drains at once could use the same allowance, and both Pods would be
 * out of service and both evictions refused. Pure.
 * @param pods all Pods that the budget selects, as the API server has them now, `pod` among them
 */
export function evictionUnder(
  { spec, status, metadata }: PodDisruptionBudget,
  { pods, pod, nowMs }: { pods: readonly Pod[]; pod: Pod; nowMs: number },
): Eviction {
  if (!status || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return 'no';
  const desired = status.desiredHealthy ?? 0;
  const isHealthy = (each: Pod) => isReady(each) && !isTerminating(each) && !isOutOfService(each) && !isDisrupted(each);
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

/** Whether an operation has taken the Pod out of service or soon will. A Pod in PreCheck serves, and may wait for its rules for long. */
function isOutOfService(pod: Pod): boolean {
  return (
    hasOperation(pod, POD_EVICT_OPERATION_ID) ||
    operationsOf(pod).some(({ stage }) => stage !== 'PreCheck' && stage !== 'PostCheck' && stage !== 'Completing')
  );
}
