import { timeOf } from '@kuperator/holders';
import type { Pass } from '../act/pass.ts';
import { type Members, membersOf } from '../ids/members.ts';
import { type ConditionUpdate, unsettled } from './conditions.ts';
import type { TellMemory } from './memory.ts';
import { DEADLINE_EXCEEDED, deadlineInMs, isOverdueTold, progressOf } from './progress.ts';
import { statusOf } from './status.ts';
import { writeStatus } from './status-writes.ts';

export function terminating(status: 'True' | 'False', reason: string, message: string): ConditionUpdate {
  return { type: 'Terminating', status, reason, message };
}

/** Reports the progress of the deletion of a set, and an Event if no Pod was deleted for too long. */
export async function reportDrain(pass: Pass, memory: TellMemory, condition: ConditionUpdate): Promise<void> {
  const { deps, set } = pass;
  const members = membersOf(set, pass.owned());
  const stand = standOfDrain(pass, memory, { members, condition });
  if (stand.at === 'overdue' && !isOverdueTold(set)) {
    deps.recorder.warn(set, DEADLINE_EXCEEDED, `the deletion makes no progress: ${stand.cause}`);
  }
  const status = statusOf({
    set,
    members,
    updatedRevision: set.status?.updatedRevision ?? '',
    isKnownRevision: () => true,
    collisionCount: set.status?.collisionCount ?? 0,
    conditions: [unsettled('Scale', 'Terminating'), unsettled('Update', 'Terminating'), condition],
    now: timeOf(deps.clock.now()),
    stand,
  });
  pass.wakeAfter(await writeStatus(deps, set, { status, end: 'under-way', memory }));
}

function standOfDrain(
  pass: Pass,
  memory: TellMemory,
  { members, condition }: { members: Members; condition: ConditionUpdate },
) {
  const { set, deps } = pass;
  const nowMs = deps.clock.monotonic();
  const remaining = 2 * members.active.length + members.terminating.length;
  const resumed = { ...set, spec: { ...set.spec, paused: false } };
  const isComplete = condition.status === 'True';
  const progress = progressOf(resumed, memory.progress, { isComplete, remaining, nowMs });
  memory.progress = progress;
  const leftMs = progress ? deadlineInMs(set, progress, nowMs) : undefined;
  const cause = condition.message;
  if (leftMs !== undefined && leftMs <= 0) return { at: 'overdue', cause } as const;
  pass.wakeAfter(leftMs);
  return { at: 'terminating', cause } as const;
}
