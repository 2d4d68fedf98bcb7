import { type CollaSet, isTerminal, keyOf, type Pod, retainsClaims } from '@kuperator/api';
import { waitingFor } from '@kuperator/lifecycle';
import { ConflictError } from '@kuperator/runtime';
import { orphanClaims } from './claim-writes.ts';
import { type ConditionUpdate, messageOf } from './conditions.ts';
import { releaseContext } from './context-writes.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import { hasFinalizer, removeFinalizer } from './finalizer.ts';
import { runLane } from './lane.ts';
import { takesAway } from './leaving.ts';
import { membersOf } from './members.ts';
import type { SetMemory } from './memory.ts';
import { planDrain } from './plan.ts';
import { orphanRevisions } from './revision-writes.ts';
import { statusOf } from './status.ts';
import { writeStatus } from './status-writes.ts';
import { BEHIND_MS, podTasks } from './tasks.ts';
import { seeClaims } from './verify.ts';

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
    const waitMs = await report(deps, set, memory, condition('False', 'ReclaimingTargetsDeletion', holderOf(left)));
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

/** Who holds the first Pod that is still there. */
function holderOf([first, ...others]: readonly Pod[]): string {
  if (!first) return '';
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  const name = `Pod ${first.metadata.name}${more}`;
  if (first.metadata.deletionTimestamp) {
    const finalizers = first.metadata.finalizers?.join(', ');
    return finalizers ? `${name} is held by ${finalizers}` : `${name} is terminating`;
  }
  const waiting = waitingFor(first).find(({ operation }) => takesAway(operation));
  return waiting ? `${name} ${waiting.message}` : `${name} waits for the podopslifecycle-coordinator to begin`;
}

function report(
  deps: Deps,
  set: CollaSet,
  memory: SetMemory,
  terminating: ConditionUpdate,
): Promise<number | undefined> {
  const status = statusOf({
    set,
    members: membersOf(set, deps.pods.byIndex(BY_OWNER, set.metadata.uid ?? '')),
    updatedRevision: set.status?.updatedRevision ?? '',
    isKnownRevision: () => true,
    collisionCount: set.status?.collisionCount ?? 0,
    conditions: [terminating],
    now: new Date(deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
  });
  return writeStatus(deps, set, status, 'under-way', memory);
}
