import { matchesSelector, type Pod } from '@kuperator/api';
import type { PodDisruptionBudget } from '../../resources.ts';

/**
 * Why the drain of a Pod that is to be evicted has not begun, in words that follow the Pod's name; undefined if no PodDisruptionBudget holds
 * it. Pure.
 * @param budgets those of the Pod's namespace
 */
export function whyNotBegun(pod: Pod, budgets: readonly PodDisruptionBudget[]): string | undefined {
  const selecting = budgets.filter(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels));
  const [budget] = selecting;
  if (!budget) return undefined;
  if (selecting.length > 1) {
    const names = selecting.map(({ metadata }) => metadata.name).toSorted();
    return `cannot be evicted: PodDisruptionBudgets ${names.join(' and ')} both select it, which the eviction API does not support`;
  }
  const { metadata, status } = budget;
  const name = `PodDisruptionBudget ${metadata.name}`;
  if (!status || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return `waits for the disruption controller to evaluate ${name}`;
  }
  const counts = `${status.currentHealthy ?? 0} healthy, ${status.desiredHealthy ?? 0} needed`;
  return (status.disruptionsAllowed ?? 0) > 0
    ? `waits for ${name}: Pods that are being drained use what it allows (${counts})`
    : `waits for ${name}, which allows no disruption now (${counts})`;
}
