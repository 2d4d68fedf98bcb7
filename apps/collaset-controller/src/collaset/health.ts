import { type CollaSet, replicasOf } from '@kuperator/api';
import type { ConditionUpdate } from './conditions.ts';
import { DEADLINE_EXCEEDED } from './progress.ts';

/** Where a set stands on its way to what it asks for. */
export type Stand =
  | { readonly at: 'complete' | 'under-way' | 'paused' | 'overdue' }
  /** Nothing goes on until the user mends what `message` says. */
  | { readonly at: 'refused'; readonly message: string };

type Counts = { readonly replicas: number; readonly availableReplicas: number; readonly updatedReplicas: number };

/**
 * The conditions that tools read: Available and Progressing as of a Deployment, Reconciling and Stalled as kstatus wants them, which are
 * True only when something is going on or wrong.
 */
export function healthConditions(set: CollaSet, counts: Counts, stand: Stand): readonly ConditionUpdate[] {
  const wanted = replicasOf(set);
  const text = `${counts.availableReplicas} of ${wanted} Pods available, ${counts.updatedReplicas} updated`;
  const isAvailable = counts.availableReplicas >= wanted;
  return [
    {
      type: 'Available',
      status: isAvailable ? 'True' : 'False',
      reason: isAvailable ? 'ReplicasAvailable' : 'ReplicasUnavailable',
      message: isAvailable ? '' : `${counts.availableReplicas} of ${wanted} Pods are available`,
    },
    progressing(stand, text),
    stand.at === 'under-way'
      ? { type: 'Reconciling', status: 'True', reason: 'InProgress', message: text }
      : {
          type: 'Reconciling',
          status: 'False',
          reason: stand.at === 'complete' ? 'Complete' : 'NotInProgress',
          message: '',
        },
    stalled(stand, text),
  ];
}

function progressing(stand: Stand, text: string): ConditionUpdate {
  const type = 'Progressing';
  switch (stand.at) {
    case 'complete':
      return { type, status: 'True', reason: 'Complete', message: '' };
    case 'under-way':
      return { type, status: 'True', reason: 'InProgress', message: text };
    case 'paused':
      return { type, status: 'Unknown', reason: 'Paused', message: '' };
    case 'overdue':
      return { type, status: 'False', reason: DEADLINE_EXCEEDED, message: text };
    case 'refused':
      return { type, status: 'False', reason: 'UpdateFailed', message: stand.message };
  }
}

function stalled(stand: Stand, text: string): ConditionUpdate {
  const type = 'Stalled';
  if (stand.at === 'overdue') return { type, status: 'True', reason: DEADLINE_EXCEEDED, message: text };
  if (stand.at === 'refused') return { type, status: 'True', reason: 'UpdateFailed', message: stand.message };
  return { type, status: 'False', reason: 'NotStalled', message: '' };
}
