// Pods whose place the cluster itself needs: for a Pod of higher priority, or since their node may not run them any more. The rules of a
// tenant may have such a Pod drained in good order, but for a bounded time, which the administrator of the cluster sets.

import { CLUSTER_NEEDS_ANNOTATION, conditionOf, type Pod, TO_DELETE_LABEL } from '@kuperator/api';
import { msOf } from './asked.ts';
import { isProgram, isScheduler } from './patience.ts';

/** Condition of a Pod that is about to be deleted for a disruption. @see Kubernetes, "Pod disruption conditions" */
export const DISRUPTION = 'DisruptionTarget';
/** Reasons of the condition that kube-scheduler and the taint manager put on a Pod right before they delete it. */
const REASONS: readonly (string | undefined)[] = ['PreemptionByScheduler', 'DeletionByTaintManager'];
/** As whom the taint manager asks, where controllers have ServiceAccounts of their own. */
const TAINT_MANAGERS: readonly string[] = [
  'system:serviceaccount:kube-system:node-controller',
  'system:serviceaccount:kube-system:taint-eviction-controller',
];

/** Whether a deletion by `user` is for the cluster's own needs. Other controllers delete for somebody: a user, an owner. */
export function isForCluster(user: string, pod: Pod): boolean {
  return isScheduler(user) || TAINT_MANAGERS.includes(user) || (isProgram(user) && conditionedAt(pod) !== undefined);
}

/**
 * Since when the cluster needs the Pod's place, ms since the epoch; undefined when it does not. The earlier of two records: the note of
 * the first request, which counts as long as the Pod is marked, and the condition, which Kubernetes takes back after two minutes
 * but which a tenant cannot take away.
 */
export function neededSinceMs(pod: Pod): number | undefined {
  const isMarked = pod.metadata.labels?.[TO_DELETE_LABEL] !== undefined;
  const noted = isMarked ? msOf(pod.metadata.annotations?.[CLUSTER_NEEDS_ANNOTATION]) : undefined;
  const told = conditionedAt(pod);
  return noted === undefined || told === undefined ? (noted ?? told) : Math.min(noted, told);
}

/** The annotation to write for a request made now; undefined while an earlier one is noted. */
export function noteOfNeed(pod: Pod, nanos: string): Record<string, string> | undefined {
  const noted = msOf(pod.metadata.annotations?.[CLUSTER_NEEDS_ANNOTATION]);
  // One from the future would put the end off.
  return noted !== undefined && noted <= (msOf(nanos) ?? 0) ? undefined : { [CLUSTER_NEEDS_ANNOTATION]: nanos };
}

function conditionedAt(pod: Pod): number | undefined {
  const condition = conditionOf(pod, DISRUPTION);
  if (condition?.status !== 'True' || !REASONS.includes(condition.reason)) return undefined;
  const ms = Date.parse(condition.lastTransitionTime ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
