import { type CollaSet, replicasOf } from '@kuperator/api';
import type { ConditionUpdate } from './conditions.ts';
import { DEADLINE_EXCEEDED } from './progress.ts';

/** Where a set stands on its way to what it asks for. `cause`: who holds it, in words. */
export type Stand =
  | { readonly at: 'complete' }
  | { readonly at: 'under-way' | 'overdue' | 'terminating'; readonly cause: string }
  /** `isPending`: there is work that begins only once the set is resumed. */
  | { readonly at: 'paused'; readonly isPending: boolean; readonly cause: string }
  /** Nothing goes on until the user mends what `message` says. */
  | { readonly at: 'refused'; readonly reason: 'UpdateFailed' | 'ScaleOutFailed'; readonly message: string };

type Counts = { readonly replicas: number; readonly availableReplicas: number; readonly updatedReplicas: number };

/**
 * The conditions that tools read: Available and Progressing as of a Deployment, Reconciling and Stalled as kstatus wants them: at most one
 * of the two is True, and neither once the set has what it asks for.
 */
export function healthConditions(set: CollaSet, counts: Counts, stand: Stand): readonly ConditionUpdate[] {
  const wanted = replicasOf(set);
  const cause = 'cause' in stand && stand.cause !== '' ? `; ${stand.cause}` : '';
  const text = `${counts.availableReplicas} of ${wanted} Pods available, ${counts.updatedReplicas} updated${cause}`;
  return [
    available(set, counts, wanted, stand, cause),
    progressing(stand, text),
    reconciling(stand, text),
    stalled(stand, text),
  ];
}

function available(
  set: CollaSet,
  { availableReplicas }: Counts,
  wanted: number,
  { at }: Stand,
  cause: string,
): ConditionUpdate {
  const type = 'Available';
  // A set that is being deleted wants no Pods: to have all of none would say it serves.
  if (at === 'terminating' || set.metadata.deletionTimestamp !== undefined)
    return { type, status: 'False', reason: 'Terminating', message: 'the set is being deleted' };
  if (availableReplicas >= wanted) return { type, status: 'True', reason: 'ReplicasAvailable', message: '' };
  const message = `${availableReplicas} of ${wanted} Pods are available${cause}`;
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
