import { type CollaSet, conditionOf, isReady, type Pod, SERVICE_AVAILABLE_LABEL } from '@kuperator/api';

/**
 * True if the Pod is in service and, if the set has `minReadySeconds`, has been ready for that long. Without `minReadySeconds`, readiness
 * does not count, as in the Go implementation.
 */
export function isAvailable(set: CollaSet, pod: Pod, nowMs: number): boolean {
  return availableInMs(set, pod, nowMs) === 0;
}

/** Time until the Pod becomes available if it does not change; undefined if time alone does not make it available. */
export function availableInMs(set: CollaSet, pod: Pod, nowMs: number): number | undefined {
  if (pod.metadata.labels?.[SERVICE_AVAILABLE_LABEL] === undefined) return undefined;
  const seconds = set.spec.minReadySeconds ?? 0;
  if (seconds <= 0) return 0;
  if (!isReady(pod)) return undefined;
  const since = Date.parse(conditionOf(pod, 'Ready')?.lastTransitionTime ?? '');
  if (Number.isNaN(since)) return undefined;
  // Kubernetes truncates timestamps to whole seconds, so the Pod may have become ready up to one second later.
  return Math.max(0, since + (seconds + 1) * 1000 - nowMs);
}

/** Time until the next of the Pods becomes available; undefined if time alone makes none available. */
export function nextAvailableInMs(set: CollaSet, pods: readonly Pod[], nowMs: number): number | undefined {
  let next: number | undefined;
  if ((set.spec.minReadySeconds ?? 0) <= 0) return undefined;
  for (const pod of pods) {
    const waitMs = availableInMs(set, pod, nowMs);
    if (waitMs !== undefined && waitMs > 0) next = Math.min(next ?? waitMs, waitMs);
  }
  return next;
}
