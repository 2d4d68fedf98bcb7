import type { CollaSet, Condition } from '@kuperator/api';
import { failureText } from '../act/failure-text.ts';

/** The order of the conditions in the status (T65). */
const TYPES = ['Scale', 'Update', 'Available', 'Progressing', 'Reconciling', 'Stalled', 'Terminating'];

export type ConditionUpdate = Pick<Condition, 'type' | 'status'> & { reason: string; message: string };

/** A condition with status Unknown, because the work is neither done nor failed. */
export function unsettled(
  type: 'Scale' | 'Update',
  reason: 'Scaling' | 'Updating' | 'Paused' | 'Terminating',
  message = '',
): ConditionUpdate {
  return { type, status: 'Unknown', reason, message };
}

/** @param message a remark, although the work is done */
export function succeeded(type: 'Scale' | 'Update', message = ''): ConditionUpdate {
  return { type, status: 'True', reason: type === 'Scale' ? 'Scaled' : 'Updated', message };
}

export function failed(
  type: 'Scale' | 'Update',
  reason: 'ScaleOutFailed' | 'ScaleInFailed' | 'UpdateFailed',
  failures: readonly unknown[],
): ConditionUpdate {
  return { type, status: 'False', reason, message: failureText(failures) };
}

/** The set's conditions after the updates. The transition time changes only if the status of the condition changes. */
export function conditionsWith(set: CollaSet, updates: readonly ConditionUpdate[], now: string): Condition[] {
  const conditions = new Map((set.status?.conditions ?? []).map((condition) => [condition.type, condition]));
  for (const update of updates) {
    const before = conditions.get(update.type);
    const isSame = before?.status === update.status;
    conditions.set(update.type, {
      ...update,
      lastTransitionTime: isSame && before?.lastTransitionTime ? before.lastTransitionTime : now,
      observedGeneration: set.metadata.generation ?? 0,
    });
  }
  const order = (condition: Condition) => {
    const index = TYPES.indexOf(condition.type);
    return index < 0 ? TYPES.length : index;
  };
  return [...conditions.values()].toSorted((a, b) => order(a) - order(b));
}
