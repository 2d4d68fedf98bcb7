import type { Pod } from '@kuperator/api';
import type { TrafficOf } from './adapter.ts';
import type { Employees } from './employee-pods.ts';
import { type EmployerMarks, isUnsettled, planPod, standingOf } from './pod-plan.ts';
import type { PodWrite } from './pod-writer.ts';

/** What is known about the traffic of an employer's Pods. */
export type TrafficAnswer = {
  readonly trafficOf: TrafficOf;
  /** Milliseconds until the hold of a Pod ends. */
  readonly remainingMs?: (pod: Pod) => number | undefined;
};

/** The answer while the traffic is unknown: every Pod stays as it is. */
export const UNKNOWN_TRAFFIC: TrafficAnswer = { trafficOf: () => 'changing' };

export type PassPlan = {
  readonly writes: readonly PodWrite[];
  /** Pods that still wait for traffic after the writes. */
  readonly unsettled: number;
  /** Milliseconds until the first Pod that waits only for the end of its hold can continue. */
  readonly heldForMs?: number;
};

/** The next step of every Pod. Pure. */
export function planPass(
  { selected, marked }: Employees,
  marks: EmployerMarks,
  { trafficOf, remainingMs = () => undefined }: TrafficAnswer,
): PassPlan {
  const steps = [
    ...selected.map((pod) => stepOf(pod, true, { marks, trafficOf })),
    ...marked.map((pod) => stepOf(pod, false, { marks, trafficOf })),
  ];
  const waiting = steps.filter(({ waits }) => waits);
  const heldForMs = Math.min(...waiting.map(({ pod }) => remainingMs(pod) ?? Number.POSITIVE_INFINITY));
  return {
    writes: steps.flatMap(({ pod, change }) => (change ? [{ pod, change }] : [])),
    unsettled: waiting.length,
    ...(Number.isFinite(heldForMs) ? { heldForMs } : {}),
  };
}

function stepOf(
  pod: Pod,
  wanted: boolean,
  { marks, trafficOf }: { readonly marks: EmployerMarks; readonly trafficOf: TrafficOf },
) {
  const standing = standingOf(pod, marks, { wanted, traffic: trafficOf(pod) });
  const change = planPod(standing);
  const hasFinalizer = change?.finalizer ?? standing.hasFinalizer;
  return { pod, change, waits: isUnsettled({ ...standing, hasFinalizer }) };
}
