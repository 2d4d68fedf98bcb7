import { type CollaSet, replicasOf } from '@kuperator/api';
import type { ConditionUpdate } from './conditions.ts';
import { DEADLINE_EXCEEDED } from './progress.ts';

/** How far a set is from its spec. `cause`: a text that says what it waits for. */
export type Stand =
  | { readonly at: 'complete' }
  | { readonly at: 'under-way' | 'overdue' | 'terminating'; readonly cause: string }
  /** `isPending`: the set has work that begins only after it is resumed. */
  | { readonly at: 'paused'; readonly isPending: boolean; readonly cause: string }
  /** The set makes no progress until the user resolves the failure in `message`. */
  | { readonly at: 'refused'; readonly reason: 'UpdateFailed' | 'ScaleOutFailed'; readonly message: string };

type Counts = { readonly replicas: number; readonly availableReplicas: number; readonly updatedReplicas: number };

/**
 * The conditions for tools. Available and Progressing mean the same as on a Deployment. Reconciling and Stalled follow kstatus: at most one
 * of them is True, and neither is once the set matches its spec.
 */
export function healthConditions(set: CollaSet, counts: Counts, stand: Stand): readonly ConditionUpdate[] {
  const { availableReplicas, updatedReplicas } = counts;
  const text = `${availableReplicas} of ${replicasOf(set)} Pods available, ${updatedReplicas} updated${causeOf(stand)}`;
  return [available(set, counts, stand), progressing(stand, text), reconciling(stand, text), stalled(stand, text)];
}

function causeOf(stand: Stand): string {
  return 'cause' in stand && stand.cause !== '' ? `; ${stand.cause}` : '';
}

function available(set: CollaSet, { availableReplicas }: Counts, stand: Stand): ConditionUpdate {
  const type = 'Available';
  const wanted = replicasOf(set);
  // A set that is being deleted wants no Pods. It must not report Available only because it has all of zero Pods.
  if (stand.at === 'terminating' || set.metadata.deletionTimestamp !== undefined)
    return { type, status: 'False', reason: 'Terminating', message: 'the set is being deleted' };
  if (availableReplicas >= wanted) return { type, status: 'True', reason: 'ReplicasAvailable', message: '' };
  const message = `${availableReplicas} of ${wanted} Pods are available${causeOf(stand)}`;
  return { type, status: 'False', reason: 'ReplicasUnavailable', message };
}

function progressing(stand: Stand, text: string): ConditionUpdate {
  const type = 'Progressing';
  switch (stand.at) {
    case 'complete':
      return { type, status: 'True', reason: 'Complete', message: '' };
    case 'under-way':
      return { type, status: 'True', reason: 'InProgress', message: text };
    case 'terminating':
      return { type, status: 'True', reason: 'Terminating', message: text };
    case 'paused':
      return { type, status: 'Unknown', reason: 'Paused', message: stand.isPending ? text : '' };
    case 'overdue':
      return { type, status: 'False', reason: DEADLINE_EXCEEDED, message: text };
    case 'refused':
      return { type, status: 'False', reason: stand.reason, message: stand.message };
  }
}

function reconciling(stand: Stand, text: string): ConditionUpdate {
  const type = 'Reconciling';
  switch (stand.at) {
    case 'under-way':
      return { type, status: 'True', reason: 'InProgress', message: text };
    case 'terminating':
      return { type, status: 'True', reason: 'Terminating', message: text };
    case 'paused':
      if (stand.isPending) return { type, status: 'True', reason: 'Paused', message: text };
      return { type, status: 'False', reason: 'Complete', message: '' };
    case 'complete':
      return { type, status: 'False', reason: 'Complete', message: '' };
    default:
      return { type, status: 'False', reason: 'NotInProgress', message: '' };
  }
}

function stalled(stand: Stand, text: string): ConditionUpdate {
  const type = 'Stalled';
  if (stand.at === 'overdue') return { type, status: 'True', reason: DEADLINE_EXCEEDED, message: text };
  if (stand.at === 'refused') return { type, status: 'True', reason: stand.reason, message: stand.message };
  return { type, status: 'False', reason: 'NotStalled', message: '' };
}
