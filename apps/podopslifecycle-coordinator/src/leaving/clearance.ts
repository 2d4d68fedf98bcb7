import {
  CONTROL_LABEL,
  DELETE_AT_ONCE_ANNOTATION,
  isTerminal,
  isTerminating,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
} from '@kuperator/api';
import { operationsOf, podStateOf } from '@kuperator/lifecycle';

/** Why a Pod may be deleted without waiting any longer. */
export type Clearance =
  | 'uncontrolled'
  | 'terminating'
  | 'finished'
  | 'unscheduled'
  | 'gateless'
  | 'at-once'
  | 'permitted';

/**
 * Why `pod` may be deleted now; undefined if it has to be taken out of service first. The chart's matchConditions say the same, which saves
 * the API server a call of the webhook. This function decides.
 */
export function clearanceOf(pod: Pod): Clearance | undefined {
  const { labels, annotations } = pod.metadata;
  if (labels?.[CONTROL_LABEL] !== 'true') return 'uncontrolled';
  // Otherwise the kubelet's final DELETE would wait forever for a Pod that began to terminate without permission.
  if (isTerminating(pod)) return 'terminating';
  if (isTerminal(pod)) return 'finished';
  if (!pod.spec.nodeName) return 'unscheduled';
  // Without the readiness gate the coordinator cannot take the Pod out of traffic (T84).
  if (!podStateOf(pod).gated) return 'gateless';
  if (annotations?.[DELETE_AT_ONCE_ANNOTATION] === 'true') return 'at-once';
  return isDrainedToLeave(pod) ? 'permitted' : undefined;
}

/** Whether an operation that ends with the deletion of the Pod is permitted. Any operator may lead it: one drain is enough. */
function isDrainedToLeave(pod: Pod): boolean {
  if (pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] === undefined) return false;
  return operationsOf(pod).some(({ stage }) => stage === 'Operate');
}
