import { conditionOf, type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { podStateOf } from './pod-state.ts';

/** Milliseconds that a change of a Pod is assumed to need at most to reach the kubelet, the traffic's own controller and its adapter. */
export const ARRIVAL_MS = 10_000;

/**
 * For how long traffic may still be on its way to a Pod without its adapter having seen it: the gate is open, and it or the
 * Pod's readiness has just changed. In that time it is better to wait for the adapter's finalizer than to ask the adapter
 * whether traffic is off, because its caches may be older than the change. After it, the answer of the adapter is reliable.
 * @returns ms from now; 0 when nothing is on its way
 */
export function arrivalMs(pod: Pod, nowMs: number): number {
  const { gated, gate } = podStateOf(pod);
  if (!gated || gate !== 'True') return 0;
  const changedAt = [SERVICE_READY_GATE, 'Ready'].map((type) => conditionOf(pod, type)?.lastTransitionTime ?? '');
  const restMs = changedAt.map((time) => ARRIVAL_MS - (nowMs - Date.parse(time)));
  // The times come from other clocks. A clock that is far ahead, or a time that is missing, must not hold the Pod.
  return Math.max(0, ...restMs.filter((ms) => ms <= 2 * ARRIVAL_MS));
}
