import { type Pod, PREPARING_TO_DELETE_LABEL } from '@kuperator/api';
import type { LabelChanges } from './label-changes.ts';
import { operationsOf } from './operation.ts';

/** Label change that marks the Pod as prepared for deletion; empty if it is marked already. `nanos`: Unix time in nanoseconds, decimal. */
export function prepareToDelete(pod: Pod, nanos: string): LabelChanges {
  return pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] === undefined ? { [PREPARING_TO_DELETE_LABEL]: nanos } : {};
}

/** Label change that removes the mark when operation `id` ends; empty while another operation is live, which may need the mark too. */
export function keepFromDeletion(pod: Pod, id: string): LabelChanges {
  const isShared = operationsOf(pod).some((operation) => operation.id !== id);
  return isShared ? {} : { [PREPARING_TO_DELETE_LABEL]: null };
}
