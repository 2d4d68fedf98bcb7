// Pods marked `to-delete`: the podopslifecycle-coordinator takes them out of service and deletes them, whoever owns them.
import {
  COLLASET_OPERATION_ID,
  DELETE_OPERATION_TYPE,
  POD_DELETE_OPERATION_ID,
  type Pod,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { beginOperation, type LabelChanges, type Operation, prepareToDelete } from '@kuperator/lifecycle';

/** Operation type under which Pods leave because there are too many. */
export const SCALE_IN = 'scale-in';

export function isMarked({ metadata }: Pod): boolean {
  return metadata.labels?.[TO_DELETE_LABEL] !== undefined;
}

/**
 * Label changes that mark the Pod and begin the coordinator's operation with it, as its webhook does for a DELETE: one write, and the
 * coordinator's next one can be the permission.
 * @param labels further changes for the same write
 */
export function markLeaving(pod: Pod, nanos: string, labels: LabelChanges = {}): LabelChanges {
  const marks = { ...prepareToDelete(pod, nanos), [TO_DELETE_LABEL]: nanos };
  const operation = { id: POD_DELETE_OPERATION_ID, type: DELETE_OPERATION_TYPE, nanos };
  return beginOperation(pod, { ...operation, labels: { ...labels, ...marks } }) ?? {};
}

/** True for operations at whose end their Pod is deleted for good. */
export function takesAway({ id, type }: Operation): boolean {
  return id === POD_DELETE_OPERATION_ID || (id === COLLASET_OPERATION_ID && type === SCALE_IN);
}
