// Pods whose place the cluster itself needs: a Pod of higher priority needs it, or the node may no longer run them. A tenant's rules may
// delay the deletion of such a Pod until it is drained, but only for a bounded time, which the administrator of the cluster sets.

import { CLUSTER_NEEDS_ANNOTATION, conditionOf, type Pod } from '@kuperator/api';
import { isMarkedToDelete } from './begin.ts';
import { isProgram, isScheduler } from './patience.ts';
import { msOf } from './request-notes.ts';

/** Condition of a Pod that is about to be deleted because of a disruption. @see Kubernetes, "Pod disruption conditions" */
export const DISRUPTION = 'DisruptionTarget';
/** The reasons that kube-scheduler and the taint manager give in the condition, right before they delete the Pod. */
const REASONS: readonly (string | undefined)[] = ['PreemptionByScheduler', 'DeletionByTaintManager'];
/** The users of the taint manager in clusters whose controllers have their own ServiceAccounts. */
const TAINT_MANAGERS: readonly string[] = [
  'system:serviceaccount:kube-system:node-controller',
  'system:serviceaccount:kube-system:taint-eviction-controller',
];

/** Whether `user` deletes the Pod because the cluster needs its place. Other controllers delete on behalf of a user or an owner. */
export function isForCluster(user: string, pod: Pod): boolean {
  return isScheduler(user) || TAINT_MANAGERS.includes(user) || (isProgram(user) && disruptedAt(pod) !== undefined);
}

/**
 * Since when the cluster has needed the Pod's place, in ms since the epoch; undefined if it does not. There are two records, and the earlier
 * one counts: the annotation of the first request, which is valid while the Pod is marked, and the condition, which Kubernetes removes
 * after two minutes but which a tenant cannot remove.
 */
export function neededSinceMs(pod: Pod): number | undefined {
  const noted = isMarkedToDelete(pod) ? msOf(pod.metadata.annotations?.[CLUSTER_NEEDS_ANNOTATION]) : undefined;
  const disrupted = disruptedAt(pod);
  return noted === undefined || disrupted === undefined ? (noted ?? disrupted) : Math.min(noted, disrupted);
}

/** The annotation that records a request made now; undefined if an earlier request is recorded. */
export function clusterNeedNote(pod: Pod, nanos: string): Record<string, string> | undefined {
  const noted = msOf(pod.metadata.annotations?.[CLUSTER_NEEDS_ANNOTATION]);
  // A time in the future would delay the deletion, so it is replaced.
  return noted !== undefined && noted <= (msOf(nanos) ?? 0) ? undefined : { [CLUSTER_NEEDS_ANNOTATION]: nanos };
}

function disruptedAt(pod: Pod): number | undefined {
  const condition = conditionOf(pod, DISRUPTION);
  if (condition?.status !== 'True' || !REASONS.includes(condition.reason)) return undefined;
  const ms = Date.parse(condition.lastTransitionTime ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
