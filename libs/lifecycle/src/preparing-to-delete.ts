import { type Pod, PREPARING_TO_DELETE_LABEL } from '@kuperator/api';
import type { LabelChanges } from './label-changes.ts';
import { operationsOf } from './operation.ts';

/** Label change that tells others that the Pod is prepared to be deleted; none when it says so already. `nanos`: Unix time, decimal. */
export function prepareToDelete(pod: Pod, nanos: string): LabelChanges {
  return pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] === undefined ? { [PREPARING_TO_DELETE_LABEL]: nanos } : {};
}

/** Label change that takes that back when operation `id` ends; none while another operation is live, which may mean it too. */
export function keepFromDeletion(pod: Pod, id: string): LabelChanges {
  const isShared = operationsOf(pod).some((operation) => operation.id !== id);
  return isShared ? {} : { [PREPARING_TO_DELETE_LABEL]: null };
}
