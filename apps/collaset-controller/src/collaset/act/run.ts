import { ConflictError, type LaneResult, runLane } from '@kuperator/runtime';
import { type Action, type ActionKind, podOf } from '../plan/action.ts';
import { type Lane, rowOf } from './actions.ts';
import { refusesTemplate } from './dry-run.ts';
import { failureText } from './failure-text.ts';
import type { Pass } from './pass.ts';
import type { Verify } from './verify.ts';
import type { Written } from './written.ts';

/** An action that was written. */
export type Done = { readonly action: Action; readonly written: Written };

/** What became of the actions of a pass. */
export type Outcome = {
  readonly done: readonly Done[];
  /** Of the lanes of Pods. */
  readonly lanes: Readonly<Record<PodLane, LaneResult>>;
  /** Failures of all lanes; conflicts only of the last one. */
  readonly failures: readonly unknown[];
};

type PodLane = Exclude<Lane, 'first' | 'last'>;
const POD_LANES: readonly PodLane[] = ['create', 'others', 'scale-in', 'update'];

/** A watch that says nothing for so long has lost something: the write is tried again. */
export const BEHIND_MS = 5000;
/** What follows from a refused update is decided soon, but not in a busy loop. */
const REFUSAL_MS = 100;
const CREATE_BACKOFF_MS = 250;
const MAX_CREATE_BACKOFF_MS = 60_000;

/**
 * Writes the actions: those of the lane `first` one by one, then the lanes of Pods side by side, then the lane `last`.
 * @param onDone called after each write, before a second one that follows it
 * @throws whatever a fresh read, or a write of the lane `first`, fails with: nothing after it was begun
 */
export async function runActions(
  pass: Pass,
  actions: readonly Action[],
  onDone: (done: Done) => void,
): Promise<Outcome> {
  const { memory, deps } = pass;
  const done: Done[] = [];
  const perform = (action: Action) =>
    write(pass, action, (each) => {
      done.push(each);
      onDone(each);
    });
  const early = await verified(
    pass,
    actions.filter((action) => laneOf(action) !== 'last'),
  );
  for (const action of inLane(early, 'first')) await perform(action);
  const results = await Promise.all(
    POD_LANES.map((lane) =>
      runLane(
        inLane(early, lane).flatMap((action) => taskFor(pass, action, perform)),
        { isOver: () => pass.isOver(), window: memory.windows[lane], max: deps.settings.maxWrites },
      ),
    ),
  );
  const lanes = Object.fromEntries(POD_LANES.map((lane, at) => [lane, results[at]])) as Outcome['lanes'];
  // Creations that wait say nothing about whether they work by now.
  if (!actions.some((action) => action.do === 'awaitCreation')) noteCreations(pass, lanes.create);
  const last = await runLast(pass, actions, perform);
  wakeUpAfter(pass, lanes);
  return { done, lanes, failures: [...results.flatMap(({ failures }) => failures), ...last] };
}

/**
 * Writes preparations one after another.
 * @throws whatever a write fails with
 */
export async function runPreparations(
  pass: Pass,
  actions: readonly Action[],
  onDone: (done: Done) => void,
): Promise<void> {
  for (const action of actions) await write(pass, action, onDone);
}

async function write(pass: Pass, action: Action, onDone: (done: Done) => void): Promise<void> {
  const row = rowOf<ActionKind>(action);
  if (!row.write) return;
  const { metrics } = pass.deps;
  pass.throwIfAborted();
  let written: Written;
  try {
    written = await row.write(pass, action);
  } catch (error) {
    if (row.metric) metrics.wrote(row.metric);
    throw error;
  }
  if (written.isSkipped) return;
  if (row.metric) metrics.wrote(row.metric);
  onDone({ action, written });
  if (!row.follow) return;
  pass.throwIfAborted();
  await row.follow(pass, action, written);
}

/** The actions that fresh reads confirm; each kind of read is made once for all actions that need it. */
async function verified(pass: Pass, actions: readonly Action[]): Promise<readonly Action[]> {
  const reads = new Set<Verify>(actions.flatMap((action) => rowOf<ActionKind>(action).verify ?? []));
  let confirmed = actions;
  for (const read of reads) confirmed = await read(pass, confirmed);
  return confirmed;
}

/** The first failure ends the lane, conflicts do not: a claim that changed says nothing about the next one. */
async function runLast(
  pass: Pass,
  actions: readonly Action[],
  perform: (action: Action) => Promise<void>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  try {
    for (const action of await verified(pass, inLane(actions, 'last'))) {
      if (pass.isOver()) {
        pass.wakeAfter(0);
        break;
      }
      try {
        await perform(action);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        failures.push(error);
      }
    }
  } catch (error) {
    failures.push(error);
  }
  return failures;
}

function laneOf(action: Action): Lane | undefined {
  const { lane } = rowOf<ActionKind>(action);
  return typeof lane === 'function' ? lane(action) : lane;
}

function inLane(actions: readonly Action[], lane: Lane): readonly Action[] {
  return actions.filter((action) => laneOf(action) === lane);
}

/** A task for the action, or none while the cache is known to be behind its Pod. */
function taskFor(
  pass: Pass,
  action: Action,
  perform: (action: Action) => Promise<void>,
): readonly (() => Promise<void>)[] {
  const pod = podOf(action);
  if (!pod) return [() => perform(action)];
  const { behind } = pass.memory;
  const { clock } = pass.deps;
  const { uid = '', resourceVersion } = pod.metadata;
  const known = behind.get(uid);
  if (known && known.version === resourceVersion && clock.monotonic() - known.atMs < BEHIND_MS) {
    // The cache may be behind for longer than the next pass.
    pass.wakeAfter(BEHIND_MS);
    return [];
  }
  behind.delete(uid);
  return [
    () =>
      perform(action).catch((error: unknown) => {
        if (error instanceof ConflictError) {
          // Pods that have gone leave entries behind; losing the others costs a refused write each.
          if (behind.size > 1000) behind.clear();
          behind.set(uid, { version: resourceVersion, atMs: clock.monotonic() });
        }
        throw error;
      }),
  ];
}

function noteCreations({ memory, deps }: Pass, { failures }: LaneResult): void {
  if (failures.length === 0) {
    memory.creationFailures = 0;
    memory.creationRefusal = undefined;
    return;
  }
  memory.creationRefusal = { message: failureText(failures), isFinal: failures.every(refusesTemplate) };
  // Passes come with every change of a Pod: without a back-off, a creation that fails would be tried with each of them.
  const backoffMs = Math.min(MAX_CREATE_BACKOFF_MS, CREATE_BACKOFF_MS * 2 ** memory.creationFailures++);
  memory.createAfterMs = deps.clock.monotonic() + backoffMs;
}

function wakeUpAfter(pass: Pass, lanes: Outcome['lanes']): void {
  const results = Object.values(lanes);
  // Only the time was over, so the rest is decided again at once.
  if (results.some(({ left, failures }) => left > 0 && failures.length === 0)) pass.wakeAfter(0);
  if (pass.hasRefused) pass.wakeAfter(REFUSAL_MS);
  // The cache is behind; mostly its event comes first. A name that was taken has no event to come.
  if (results.some(({ conflicts }) => conflicts > 0)) pass.wakeAfter(lanes.create.conflicts > 0 ? 0 : BEHIND_MS);
}
