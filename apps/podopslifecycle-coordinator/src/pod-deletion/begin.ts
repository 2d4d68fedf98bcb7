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
import type { Asking } from './asked.ts';

export const OPERATION_OF = { delete: POD_DELETE_OPERATION_ID, evict: POD_EVICT_OPERATION_ID } as const;

/** A CollaSet has too many Pods and is taking this one away: one drain is enough, and its `operationDelaySeconds` count. */
export function isScaledIn(pod: Pod): boolean {
  return hasOperation(pod, COLLASET_OPERATION_ID, 'scale-in') && !hasOperation(pod, POD_DELETE_OPERATION_ID);
}

/** Label changes that begin taking the Pod out of service for good; `mark` has its deletion go on even if nobody asks again. */
export function beginLeaving(pod: Pod, what: Asking, nanos: string, { mark }: { mark: boolean }): LabelChanges {
  const labels = prepareToDelete(pod, nanos);
  if (mark && pod.metadata.labels?.[TO_DELETE_LABEL] === undefined) labels[TO_DELETE_LABEL] = nanos;
  if (what === 'delete' && isScaledIn(pod)) return labels;
  return beginOperation(pod, { id: OPERATION_OF[what], type: DELETE_OPERATION_TYPE, nanos, labels }) ?? {};
}

/** Label changes that give the Pod back to service, unless another operation still has it. */
export function cancelLeaving(pod: Pod, what: Asking, nanos: string): LabelChanges {
  const id = OPERATION_OF[what];
  return cancelOperation(pod, { id, nanos, labels: keepFromDeletion(pod, id) }) ?? {};
}
