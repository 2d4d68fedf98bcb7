import { conditionOf, type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { podStateOf } from './pod-state.ts';

/** Longest time that news of a Pod is taken to need through the kubelet, the traffic's own controller and its adapter. */
export const ARRIVAL_MS = 10_000;

/**
 * For how long traffic may still be on its way to a Pod without its adapter having seen it: the gate is open, and it or the
 * Pod's readiness has just changed. Then it is better to wait for the adapter's finalizer than to ask the adapter whether
 * traffic is off: what it sees may be of before. Once all has come to rest, its answer can be relied on.
 * @returns ms from now; 0 when nothing is on its way
 */
export function arrivalMs(pod: Pod, nowMs: number): number {
  const { gated, gate } = podStateOf(pod);
  if (!gated || gate !== 'True') return 0;
  const changedAt = [SERVICE_READY_GATE, 'Ready'].map((type) => conditionOf(pod, type)?.lastTransitionTime ?? '');
  const restMs = changedAt.map((time) => ARRIVAL_MS - (nowMs - Date.parse(time)));
  // Times come from the clocks of others: one that is far ahead must not hold the Pod for as long, nor one that says nothing.
  return Math.max(0, ...restMs.filter((ms) => ms <= 2 * ARRIVAL_MS));
}
