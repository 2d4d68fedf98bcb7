import { type CollaSet, conditionOf, isReady, type Pod, SERVICE_AVAILABLE_LABEL } from '@kuperator/api';

/**
 * Whether a Pod counts as available: it is in service, and with `minReadySeconds` has been ready for so long. Without, readiness is not
 * asked for, as in the Go implementation.
 */
export function isAvailable(set: CollaSet, pod: Pod, nowMs: number): boolean {
  return availableInMs(set, pod, nowMs) === 0;
}

/** Until the Pod counts as available if it stays as it is; undefined when it does not by waiting alone. */
export function availableInMs(set: CollaSet, pod: Pod, nowMs: number): number | undefined {
  if (pod.metadata.labels?.[SERVICE_AVAILABLE_LABEL] === undefined) return undefined;
  const seconds = set.spec.minReadySeconds ?? 0;
  if (seconds <= 0) return 0;
  if (!isReady(pod)) return undefined;
  const since = Date.parse(conditionOf(pod, 'Ready')?.lastTransitionTime ?? '');
  if (Number.isNaN(since)) return undefined;
  // Times of Kubernetes are cut to whole seconds: the Pod may have become ready up to one later.
  return Math.max(0, since + (seconds + 1) * 1000 - nowMs);
}

/** Until the next of the Pods counts as available. */
export function nextAvailableInMs(set: CollaSet, pods: readonly Pod[], nowMs: number): number | undefined {
  let next: number | undefined;
  if ((set.spec.minReadySeconds ?? 0) <= 0) return undefined;
  for (const pod of pods) {
    const waitMs = availableInMs(set, pod, nowMs);
    if (waitMs !== undefined && waitMs > 0) next = Math.min(next ?? waitMs, waitMs);
  }
  return next;
}
