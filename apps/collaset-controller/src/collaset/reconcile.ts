import { isTerminating, type Key, keyOf } from '@kuperator/api';
import { ConflictError, type Reconcile } from '@kuperator/runtime';
import type { Deps } from './act/deps.ts';
import { observe } from './act/observe.ts';
import { Pass, type PassInput } from './act/pass.ts';
import { staleCache } from './act/pod-writes.ts';
import { type Done, runActions, runPreparations } from './act/run.ts';
import { drain } from './drain.ts';
import { Memories } from './memory.ts';
import { type Action, isPreparation, nextWakeUpMs } from './plan/action.ts';
import type { Observed } from './plan/observed.ts';
import { planPass } from './plan/plan.ts';
import { eventOf } from './tell/events.ts';
import type { TellMemory } from './tell/memory.ts';
import { reportFailure, reportPass } from './tell/report.ts';

/** A pass whose preparations never end decides on caches that do not show its own writes. */
const MOST_PREPARATIONS = 50;

/** Keeps a CollaSet's Pods at its replicas and revision: observe, plan, act, tell. */
export function collaSetReconciler(deps: Deps): Reconcile {
  const memories = new Memories();
  return async function reconcile(key: Key, { signal }) {
    const set = deps.sets.get(key);
    if (!set) return memories.forget(key);
    const memory = memories.of(key, set, deps.term());
    const input: PassInput = { deps, set, memory: memory.act, signal };
    if (isTerminating(set)) return drain(new Pass(input), memory.tell);
    return run(new Pass(input), memory.tell);
  };
}

async function run(pass: Pass, memory: TellMemory): Promise<{ requeueAfterMs?: number }> {
  let actions: readonly Action[] = [];
  let failures: readonly unknown[];
  try {
    const planned = await prepare(pass);
    actions = planned.actions;
    const outcome = await runActions(pass, actions, (done) => publish(pass, done));
    failures = outcome.failures;
    pass.wakeAfter(nextWakeUpMs(actions));
    // Another replica may write the status by now.
    pass.throwIfAborted();
    await reportPass(pass, memory, { ...planned, outcome });
  } catch (error) {
    const isReported = !(error instanceof ConflictError) && !pass.isAborted;
    if (isReported) await reportFailure(pass, memory, { error, actions, updated: pass.updated });
    throw error;
  }
  if (failures.length > 0) throw new AggregateError(failures, `reconciling ${keyOf(pass.set)}`);
  const { wakeUpMs } = pass;
  return wakeUpMs === undefined ? {} : { requeueAfterMs: wakeUpMs };
}

/** Plans, and writes what has to be written first, until a plan can be made. */
async function prepare(pass: Pass) {
  const prepared: Done[] = [];
  for (let round = 0; round < MOST_PREPARATIONS; round++) {
    const observed: Observed = await observe(pass);
    const { updated } = observed.revision;
    pass.updated = updated;
    const actions = planPass(observed);
    if (!isPreparation(actions) && updated) {
      return {
        actions,
        prepared,
        updated,
        collisionCount: observed.revision.collisionCount,
        nowMs: observed.nowMs,
        planned: observed.owned,
      };
    }
    await runPreparations(pass, actions, (done) => prepared.push(done));
  }
  throw staleCache(`the caches do not show what was written for ${keyOf(pass.set)}`);
}

function publish({ deps, set, updated }: Pass, done: Done): void {
  const event = eventOf(set, done, updated?.name);
  if (event) deps.bus.publish(event);
}
