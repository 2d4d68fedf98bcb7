import type { CollaSet } from '@kuperator/api';
import type { CreationRefusal } from '../act/memory.ts';
import { type Action, actionsOf } from '../plan/action.ts';
import type { Stand } from './health.ts';
import { blockageOf } from './outcome.ts';
import { deadlineInMs, type Progress } from './progress.ts';

type StandInput = {
  readonly set: CollaSet;
  readonly actions: readonly Action[];
  readonly isComplete: boolean;
  /** Undefined when the set has what it asks for, or is paused. */
  readonly progress: Progress | undefined;
  readonly creationRefusal: CreationRefusal | undefined;
  /** Who holds the Pods, in words. */
  readonly cause: string;
  /** By the monotonic clock. */
  readonly nowMs: number;
};

/** The state of the set on the way to its spec. */
export function standOf(input: StandInput): Stand {
  const { set, actions, isComplete, progress, cause, nowMs } = input;
  const refused = refusedStand(input);
  if (refused) return refused;
  if (set.spec.paused) {
    return { at: 'paused', isPending: !isComplete || actionsOf(actions, 'awaitResume').length > 0, cause };
  }
  if (!progress) return { at: 'complete' };
  return { at: deadlineInMs(set, progress, nowMs) <= 0 ? 'overdue' : 'under-way', cause };
}

/** What only the user can mend, and what keeps everything else from going on. */
function refusedStand({ actions, creationRefusal }: StandInput): Stand | undefined {
  const [revision] = actionsOf(actions, 'blockRevision');
  if (revision) return { at: 'refused', reason: 'UpdateFailed', message: revision.reason };
  const missing = actionsOf(actions, 'createPod', 'awaitCreation', 'awaitBackOff').length;
  if (creationRefusal?.isFinal && missing > 0) {
    return { at: 'refused', reason: 'ScaleOutFailed', message: creationRefusal.message };
  }
  const [beyond] = actionsOf(actions, 'blockCreation');
  if (beyond && missing === 0) return { at: 'refused', reason: 'ScaleOutFailed', message: beyond.reason };
  const blockage = isUpdatePending(actions) ? undefined : blockageOf(actions);
  return blockage === undefined ? undefined : { at: 'refused', reason: 'UpdateFailed', message: blockage };
}

/** Pods are on their way to the updated revision. */
function isUpdatePending(actions: readonly Action[]): boolean {
  const isStep = ['begin', 'change', 'recreate', 'relabel', 'awaitPermission', 'awaitReplacement'];
  return actions.some((action) => isStep.includes(action.do) && 'operation' in action && action.operation === 'update');
}
