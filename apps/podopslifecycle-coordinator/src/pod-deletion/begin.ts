import {
  COLLASET_OPERATION_ID,
  DELETE_OPERATION_TYPE,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { beginOperation, cancelOperation, hasOperation, type LabelChanges, operationsOf } from '@kuperator/lifecycle';
import type { Asking } from './asked.ts';

export const OPERATION_OF = { delete: POD_DELETE_OPERATION_ID, evict: POD_EVICT_OPERATION_ID } as const;

/** A CollaSet has too many Pods and is taking this one away: one drain is enough, and its `operationDelaySeconds` count. */
export function isScaledIn(pod: Pod): boolean {
  return hasOperation(pod, COLLASET_OPERATION_ID, 'scale-in') && !hasOperation(pod, POD_DELETE_OPERATION_ID);
}

/** Label changes that begin taking the Pod out of service for good; `mark` has its deletion go on even if nobody asks again. */
export function beginLeaving(pod: Pod, what: Asking, nanos: string, { mark }: { mark: boolean }): LabelChanges {
  const present = pod.metadata.labels ?? {};
  const labels: LabelChanges = {};
  if (present[PREPARING_TO_DELETE_LABEL] === undefined) labels[PREPARING_TO_DELETE_LABEL] = nanos;
  if (mark && present[TO_DELETE_LABEL] === undefined) labels[TO_DELETE_LABEL] = nanos;
  if (what === 'delete' && isScaledIn(pod)) return labels;
  return beginOperation(pod, { id: OPERATION_OF[what], type: DELETE_OPERATION_TYPE, nanos, labels }) ?? {};
}

/** Label changes that give the Pod back to service, unless another operation still has it. */
export function cancelLeaving(pod: Pod, what: Asking, nanos: string): LabelChanges {
  const id = OPERATION_OF[what];
  // The mark of a coming deletion may be another operation's too.
  const isShared = operationsOf(pod).some((operation) => operation.id !== id);
  const labels: LabelChanges = isShared ? {} : { [PREPARING_TO_DELETE_LABEL]: null };
  return cancelOperation(pod, { id, nanos, labels }) ?? {};
}
