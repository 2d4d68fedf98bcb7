import {
  COLLASET_OPERATION_ID,
  DELETE_OPERATION_TYPE,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import {
  beginOperation,
  cancelOperation,
  hasOperation,
  keepFromDeletion,
  type LabelChanges,
  prepareToDelete,
} from '@kuperator/lifecycle';
import type { Departure } from './request-notes.ts';

/** The id of the operation by which a Pod leaves. */
export const OPERATION_OF = { delete: POD_DELETE_OPERATION_ID, evict: POD_EVICT_OPERATION_ID } as const;

/** Whether the Pod has the label that has the coordinator delete it. */
export function isMarkedToDelete(pod: Pod): boolean {
  return pod.metadata.labels?.[TO_DELETE_LABEL] !== undefined;
}

/**
 * Whether a CollaSet is already removing this Pod because it has too many. The coordinator then begins no drain of its own: one drain is
 * enough, and the set's `operationDelaySeconds` apply to it.
 */
export function isScaledIn(pod: Pod): boolean {
  return hasOperation(pod, COLLASET_OPERATION_ID, 'scale-in') && !hasOperation(pod, POD_DELETE_OPERATION_ID);
}

/** Label changes that begin to take the Pod out of service for good. With `mark` the deletion goes on even if no client asks again. */
export function beginLeaving(
  pod: Pod,
  { departure, nanos, mark }: { departure: Departure; nanos: string; mark: boolean },
): LabelChanges {
  const labels = prepareToDelete(pod, nanos);
  if (mark && !isMarkedToDelete(pod)) labels[TO_DELETE_LABEL] = nanos;
  if (departure === 'delete' && isScaledIn(pod)) return labels;
  return beginOperation(pod, { id: OPERATION_OF[departure], type: DELETE_OPERATION_TYPE, nanos, labels }) ?? {};
}

/** Label changes that return the Pod to service, unless another operation still keeps it out. */
export function cancelLeaving(pod: Pod, departure: Departure, nanos: string): LabelChanges {
  const id = OPERATION_OF[departure];
  return cancelOperation(pod, { id, nanos, labels: keepFromDeletion(pod, id) }) ?? {};
}
