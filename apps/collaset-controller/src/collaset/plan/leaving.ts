// The podopslifecycle-coordinator drains and deletes every Pod that has the label `to-delete`, whatever its owner.
import {
  COLLASET_OPERATION_ID,
  DELETE_OPERATION_TYPE,
  POD_DELETE_OPERATION_ID,
  type Pod,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { beginOperation, type LabelChanges, type Operation, prepareToDelete } from '@kuperator/lifecycle';

/** The operation type of scale-ins. */
export const SCALE_IN = 'scale-in';

export function isMarked({ metadata }: Pod): boolean {
  return metadata.labels?.[TO_DELETE_LABEL] !== undefined;
}

/**
 * Label changes that mark the Pod and begin the coordinator's operation in the same write, as the coordinator's webhook does for a DELETE.
 * The coordinator then only has to permit the operation.
 * @param labels further changes for the same write
 */
export function markLeaving(pod: Pod, nanos: string, labels: LabelChanges = {}): LabelChanges {
  const marks = { ...prepareToDelete(pod, nanos), [TO_DELETE_LABEL]: nanos };
  const operation = { id: POD_DELETE_OPERATION_ID, type: DELETE_OPERATION_TYPE, nanos };
  return beginOperation(pod, { ...operation, labels: { ...labels, ...marks } }) ?? {};
}

/** True if the operation ends in the deletion of the Pod and its instance id. */
export function takesAway({ id, type }: Operation): boolean {
  return id === POD_DELETE_OPERATION_ID || (id === COLLASET_OPERATION_ID && type === SCALE_IN);
}
