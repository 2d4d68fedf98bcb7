import { type CollaSet, isTerminal, keyOf, retainsClaims } from '@kuperator/api';
import { ConflictError } from '@kuperator/runtime';
import { orphanClaims } from './act/claim-writes.ts';
import { releaseContext } from './act/context-writes.ts';
import { BY_OWNER, type Deps } from './act/deps.ts';
import { hasFinalizer, removeFinalizer } from './act/finalizer.ts';
import { runLane } from './act/lane.ts';
import type { SetMemory } from './act/memory.ts';
import { orphanRevisions } from './act/revision-writes.ts';
import { BEHIND_MS, podTasks } from './act/tasks.ts';
import { seeClaims } from './act/verify.ts';
import { type Members, membersOf } from './ids/members.ts';
import { planDrain } from './plan/plan.ts';
import { type ConditionUpdate, messageOf, unsettled } from './tell/conditions.ts';
import { holdersOfDeletion } from './tell/holding.ts';
import { DEADLINE_EXCEEDED, deadlineInMs, isOverdueTold, progressOf } from './tell/progress.ts';
import { statusOf } from './tell/status.ts';
import { writeStatus } from './tell/status-writes.ts';

/** Finalizer by which the API server notes `--cascade=orphan`. */
const ORPHAN_FINALIZER = 'orphan';

/** Takes a deleted set down: every Pod is marked `to-delete` and waited for; the finalizer goes last (T30). */
export async function drain(deps: Deps, set: CollaSet, memory: SetMemory): Promise<{ requeueAfterMs?: number }> {
  if (!hasFinalizer(set)) return {};
  if (set.metadata.finalizers?.includes(ORPHAN_FINALIZER)) {
    await releaseContext(deps, set, memory);
    await orphanRevisions(deps, set);
    return (await removeFinalizer(deps, set)) ? {} : { requeueAfterMs: BEHIND_MS };
  }
  const attempt = async (reason: string, work: Promise<void>) => {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof ConflictError)) {
        await report(deps, set, memory, condition('False', reason, messageOf([error])));
      }
      throw error;
    }
  };
  if (retainsClaims(set, 'whenDeleted')) await attempt('ReclaimSubResourcesFailed', letClaimsGo(deps, set, memory));
  const owned = () => deps.pods.byIndex(BY_OWNER, set.metadata.uid ?? '');
  const plan = planDrain(set, membersOf(set, owned()), deps.clock.now());
  const startedMs = deps.clock.monotonic();
  const tasks = podTasks(deps, set, memory);
  const lane = await runLane([...tasks.scaleIn(plan), ...tasks.mark(plan.mark)], {
    isOver: () => deps.clock.monotonic() - startedMs > deps.settings.passMs,
    window: memory.windows.scaleIn,
    max: deps.settings.maxWrites,
  });
  if (plan.mark.length > 0) deps.recorder.normal(set, 'TargetsDeleted', 'marking all Pods to be deleted');
  const members = membersOf(set, owned());
  const left = [...members.active, ...members.terminating].filter((pod) => !isTerminal(pod));
  if (lane.failures.length > 0) {
    await report(deps, set, memory, condition('False', 'ReclaimTargetsDeletionFailed', messageOf(lane.failures)));
    throw new AggregateError(lane.failures, `deleting the Pods of ${keyOf(set)}`);
  }
  if (left.length > 0) {
    const holders = holdersOfDeletion(set, left, deps.clock.now(), deps.isRunning);
    const waitMs = await report(deps, set, memory, condition('False', 'ReclaimingTargetsDeletion', holders));
    const delays = [
      lane.left > 0 ? 0 : undefined,
      lane.conflicts > 0 || tasks.heldBack() ? BEHIND_MS : undefined,
      plan.delayMs,
      waitMs,
    ].filter((delay) => delay !== undefined);
    return delays.length > 0 ? { requeueAfterMs: Math.min(...delays) } : {};
  }
  await attempt('ReclaimResourceContext', releaseContext(deps, set, memory));
  await report(deps, set, memory, condition('True', 'Deleted', ''));
  const isReleased = await removeFinalizer(deps, deps.sets.get(keyOf(set)) ?? set);
  return isReleased ? {} : { requeueAfterMs: BEHIND_MS };
}

async function letClaimsGo(deps: Deps, set: CollaSet, memory: SetMemory): Promise<void> {
  await seeClaims(deps, set, memory);
  await orphanClaims(deps, set);
}

function condition(status: 'True' | 'False', reason: string, message: string): ConditionUpdate {
  return { type: 'Terminating', status, reason, message };
}

/** Says how far the deletion is, and that it is overdue when no Pod has gone for too long. */
async function report(
  deps: Deps,
  set: CollaSet,
  memory: SetMemory,
  terminating: ConditionUpdate,
): Promise<number | undefined> {
  const members = membersOf(set, deps.pods.byIndex(BY_OWNER, set.metadata.uid ?? ''));
  const stand = standOf(deps, set, memory, members, terminating);
  if (stand.at === 'overdue' && !isOverdueTold(set)) {
    deps.recorder.warn(set, DEADLINE_EXCEEDED, `the deletion makes no progress: ${stand.cause}`);
  }
  const status = statusOf({
    set,
    members,
    updatedRevision: set.status?.updatedRevision ?? '',
    isKnownRevision: () => true,
    collisionCount: set.status?.collisionCount ?? 0,
    conditions: [unsettled('Scale', 'Terminating'), unsettled('Update', 'Terminating'), terminating],
    now: new Date(deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    stand,
  });
  const waitMs = await writeStatus(deps, set, status, 'under-way', memory);
  return least([waitMs, stand.leftMs]);
}

type DrainStand = { readonly at: 'overdue' | 'terminating'; readonly cause: string; readonly leftMs?: number };

function standOf(
  deps: Deps,
  set: CollaSet,
  memory: SetMemory,
  { active, terminating }: Members,
  { status, message }: ConditionUpdate,
): DrainStand {
  const nowMs = deps.clock.monotonic();
  const state = { isComplete: status === 'True', remaining: 2 * active.length + terminating.length, nowMs };
  const resumed = { ...set, spec: { ...set.spec, paused: false } };
  const progress = progressOf(resumed, memory.progress, state);
  memory.progress = progress;
  const leftMs = progress ? deadlineInMs(set, progress, nowMs) : Number.POSITIVE_INFINITY;
  if (leftMs <= 0) return { at: 'overdue', cause: message };
  return { at: 'terminating', cause: message, ...(Number.isFinite(leftMs) ? { leftMs } : {}) };
}

function least(delays: readonly (number | undefined)[]): number | undefined {
  const known = delays.filter((delay) => delay !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
