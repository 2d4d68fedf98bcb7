import { conditionOf, type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { podStateOf } from './pod-state.ts';

/** The assumed maximum time, in ms, for a change of a Pod to reach the kubelet, the controller of the traffic and its adapter. */
export const ARRIVAL_MS = 10_000;

/**
 * How long traffic may still be about to arrive at a Pod without the knowledge of its adapter: the gate is open, and the gate or the Pod's
 * readiness has just changed. In that time it is better to wait for the finalizer of the adapter than to ask the adapter whether traffic is
 * off, because its caches may be older than the change. After that time the answer of the adapter is reliable.
 * @returns ms from now; 0 if no traffic is about to arrive
 */
export function arrivalMs(pod: Pod, nowMs: number): number {
  const { gated, gate } = podStateOf(pod);
  if (!gated || gate !== 'True') return 0;
  const changedAt = [SERVICE_READY_GATE, 'Ready'].map((type) => conditionOf(pod, type)?.lastTransitionTime ?? '');
  const restMs = changedAt.map((time) => ARRIVAL_MS - (nowMs - Date.parse(time)));
  // The times come from other clocks. A clock that is far ahead, or a time that is missing, must not hold the Pod.
  return Math.max(0, ...restMs.filter((ms) => ms <= 2 * ARRIVAL_MS));
}
