import { isTerminal, keyOf, type Pod, retainsClaims } from '@kuperator/api';
import { ConflictError } from '@kuperator/runtime';
import { orphanClaims } from './act/claim-writes.ts';
import { releaseContext } from './act/context-writes.ts';
import { failureText } from './act/failure-text.ts';
import { hasFinalizer, removeFinalizer } from './act/finalizer.ts';
import type { Pass } from './act/pass.ts';
import { orphanRevisions } from './act/revision-writes.ts';
import { BEHIND_MS, runActions } from './act/run.ts';
import { seeClaims } from './act/verify.ts';
import { membersOf } from './ids/members.ts';
import { nextWakeUpMs } from './plan/action.ts';
import { decideDrain } from './plan/decisions.ts';
import { planDrain } from './plan/plan.ts';
import { eventOf } from './tell/events.ts';
import { holdersOfDeletion } from './tell/holding.ts';
import { recordEvents } from './tell/kube-events.ts';
import type { TellMemory } from './tell/memory.ts';
import { reportDrain, terminating } from './tell/report-drain.ts';

/** The finalizer that the API server sets for `--cascade=orphan`. */
const ORPHAN_FINALIZER = 'orphan';

type Drained = { readonly requeueAfterMs?: number };

/** Deletes the Pods of a deleted set: marks every Pod `to-delete`, waits until all are gone, and then removes the finalizer (T30). */
export async function drain(pass: Pass, memory: TellMemory): Promise<Drained> {
  const { deps, set } = pass;
  if (!hasFinalizer(set)) return {};
  if (set.metadata.finalizers?.includes(ORPHAN_FINALIZER)) {
    await releaseContext(deps, set, pass.memory);
    await orphanRevisions(deps, set);
    return (await removeFinalizer(deps, set)) ? {} : { requeueAfterMs: BEHIND_MS };
  }
  if (retainsClaims(set, 'whenDeleted')) {
    await attempt(pass, memory, { reason: 'ReclaimSubResourcesFailed', work: () => releaseClaims(pass) });
  }
  await deletePods(pass, memory);
  const left = remaining(pass);
  if (left.length > 0) return waitFor(pass, memory, left);
  const work = () => releaseContext(deps, set, pass.memory);
  await attempt(pass, memory, { reason: 'ReclaimResourceContext', work });
  await reportDrain(pass, memory, terminating('True', 'Deleted', ''));
  const isReleased = await removeFinalizer(deps, deps.sets.get(keyOf(set)) ?? set);
  return isReleased ? {} : { requeueAfterMs: BEHIND_MS };
}

/** Runs `work`. If it fails, reports why in the condition `Terminating`. */
async function attempt(
  pass: Pass,
  memory: TellMemory,
  { reason, work }: { reason: string; work: () => Promise<void> },
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConflictError)) {
      await reportDrain(pass, memory, terminating('False', reason, failureText([error])));
    }
    throw error;
  }
}

async function releaseClaims({ deps, set, memory }: Pass): Promise<void> {
  await seeClaims(deps, set, memory);
  await orphanClaims(deps, set);
}

async function deletePods(pass: Pass, memory: TellMemory): Promise<void> {
  const { deps, set } = pass;
  const { clock, recorder, bus } = deps;
  const actions = planDrain(decideDrain(set, membersOf(set, pass.owned()), clock.now()), clock.nanos());
  const { done, failures } = await runActions(pass, actions, (each) => {
    const event = eventOf(set, each);
    if (event) bus.publish(event);
  });
  pass.wakeAfter(nextWakeUpMs(actions));
  recordEvents({ recorder, set, isNews: () => true, waits: memory.waits }, { actions, done }, []);
  if (failures.length === 0) return;
  await reportDrain(pass, memory, terminating('False', 'ReclaimTargetsDeletionFailed', failureText(failures)));
  throw new AggregateError(failures, `deleting the Pods of ${keyOf(set)}`);
}

function remaining(pass: Pass): readonly Pod[] {
  const { active, terminating } = membersOf(pass.set, pass.owned());
  return [...active, ...terminating].filter((pod) => !isTerminal(pod));
}

async function waitFor(pass: Pass, memory: TellMemory, pods: readonly Pod[]): Promise<Drained> {
  const { deps, set } = pass;
  const holders = holdersOfDeletion({ set, pods, nowMs: deps.clock.now(), isRunning: deps.isRunning });
  await reportDrain(pass, memory, terminating('False', 'ReclaimingTargetsDeletion', holders));
  const { wakeUpMs } = pass;
  return wakeUpMs === undefined ? {} : { requeueAfterMs: wakeUpMs };
}
