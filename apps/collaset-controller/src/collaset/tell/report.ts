// What a pass reports: the status with its conditions, Kubernetes Events, and NATS events about the set.
import { type CollaSet, keyOf, type Pod, replicasOf } from '@kuperator/api';
import { timeOf } from '@kuperator/holders';
import { refusesTemplate } from '../act/dry-run.ts';
import { failureText } from '../act/failure-text.ts';
import type { Pass } from '../act/pass.ts';
import type { Done, Outcome } from '../act/run.ts';
import { leftBehindOf, leftBehindText } from '../ids/left-behind.ts';
import { type Members, membersOf, revisionNameOf } from '../ids/members.ts';
import { type Action, actionsOf, isBusy, isSettled } from '../plan/action.ts';
import { isAvailable, nextAvailableInMs } from '../plan/availability.ts';
import type { Revision } from '../revision/revision-data.ts';
import { type ConditionUpdate, failed } from './conditions.ts';
import { scaling, settled, updating } from './events.ts';
import type { Stand } from './health.ts';
import { type Holding, holdingOf, keptText } from './holding.ts';
import { recordEvents } from './kube-events.ts';
import type { TellMemory } from './memory.ts';
import { conditionsOf } from './outcome.ts';
import { DEADLINE_EXCEEDED, deadlineInMs, isOverdueTold, progressOf, stepsLeft } from './progress.ts';
import { standOf } from './stand.ts';
import { statusOf } from './status.ts';
import { writeStatus } from './status-writes.ts';

/** Who holds the Pods of a large set is looked at this seldom while the set is busy: a look costs more than the pass. */
const HOLDING_MS = 1000;
const MANY_PODS = 50;
const MOST_TOLD_CLAIMS = 1000;

type PassReport = {
  /** What was written before the pass could be planned. */
  readonly prepared: readonly Done[];
  readonly actions: readonly Action[];
  readonly outcome: Outcome;
  readonly updated: Revision;
  readonly collisionCount: number;
  /** The set's Pods as the pass was planned for them. */
  readonly planned: readonly Pod[];
  /** The moment the pass was planned for. */
  readonly nowMs: number;
};

/** Reports a pass that came to its end, whether or not all its writes were accepted. */
export async function reportPass(pass: Pass, memory: TellMemory, report: PassReport): Promise<void> {
  const { deps, set } = pass;
  const { actions, outcome, updated } = report;
  publishSteps(pass, report);
  const members = membersOf(set, pass.owned());
  const holding = lookAtHolders(pass, memory, report);
  const conditions = conditionsOf({
    actions,
    lanes: outcome.lanes,
    holding,
    kept: () => keptText(set, members, updated.name),
    leftBehind: leftBehindText(leftBehindOf(set, deps.pods)),
  });
  const isNews = (fact: string, scope: 'generation' | 'set') => isNewsOf(pass, fact, scope);
  const { recorder } = deps;
  recordEvents(
    { recorder, set, isNews, waits: memory.waits },
    { actions, done: [...report.prepared, ...outcome.done] },
    conditions,
  );
  await reportStatus(pass, memory, { ...report, members, conditions, cause: holding.all });
}

function publishSteps({ set, deps }: Pass, { actions, updated, planned }: PassReport): void {
  const { active } = membersOf(set, planned);
  const atUpdated = active.filter((pod) => revisionNameOf(pod) === updated.name).length;
  const events = [
    scaling(set, actions, active.length),
    updating(set, actions, { revision: updated.name, updated: atUpdated }),
  ];
  for (const event of events) if (event) deps.bus.publish(event);
}

function isNewsOf({ memory }: Pass, fact: string, scope: 'generation' | 'set'): boolean {
  const told = scope === 'generation' ? memory.told : memory.toldClaims;
  // Beyond a thousand no reader reads on; to forget some would report them again with each pass.
  if (told.has(fact) || (scope === 'set' && told.size >= MOST_TOLD_CLAIMS)) return false;
  told.add(fact);
  return true;
}

function lookAtHolders(pass: Pass, memory: TellMemory, { actions, updated }: PassReport): Holding {
  const { clock, isRunning } = pass.deps;
  const pods = pass.owned();
  const atMs = clock.monotonic();
  const leftMs = memory.holding ? memory.holding.atMs + HOLDING_MS - atMs : 0;
  if (memory.holding && leftMs > 0 && pods.length > MANY_PODS && isBusy(actions)) {
    pass.wakeAfter(leftMs);
    return memory.holding.value;
  }
  const { set } = pass;
  const creationRefusal = pass.memory.creationRefusal?.message;
  const nowMs = clock.now();
  const value = holdingOf({ set, actions, pods, updated: updated.name, nowMs, isRunning, creationRefusal });
  memory.holding = { atMs, value };
  return value;
}

async function reportStatus(
  pass: Pass,
  memory: TellMemory,
  report: PassReport & {
    readonly members: Members;
    readonly conditions: readonly ConditionUpdate[];
    readonly cause: string;
  },
): Promise<void> {
  const { deps } = pass;
  const { actions, outcome, updated, members, conditions, nowMs } = report;
  // Writes of this pass moved the Pods, and may have moved the set as well.
  const set = deps.sets.get(keyOf(pass.set)) ?? pass.set;
  const available = members.active.filter((pod) => isAvailable(pass.set, pod, nowMs)).length;
  const isQuiet = isSettled(actions) && available === replicasOf(pass.set);
  const known = pass.revisions();
  const status = statusOf({
    set: {
      ...set,
      metadata: { ...set.metadata, generation: pass.set.metadata.generation ?? 0 },
      spec: pass.set.spec,
    },
    members,
    updatedRevision: updated.name,
    isKnownRevision: (name) => known.has(name),
    collisionCount: report.collisionCount,
    conditions,
    now: timeOf(nowMs),
    stand: standOfPass(pass, memory, { ...report, isComplete: isQuiet }),
  });
  pass.wakeAfter(nextAvailableInMs(pass.set, members.active, nowMs));
  const end = outcome.failures.length > 0 ? 'failed' : isQuiet ? 'settled' : 'under-way';
  const waitMs = await writeStatus(deps, set, status, end, memory);
  pass.wakeAfter(waitMs);
  // Claims of the revision that was current may be unused now.
  const hasMoved = status.currentRevision !== set.status?.currentRevision;
  if (hasMoved && waitMs === undefined && pass.claims().length > 0) pass.wakeAfter(0);
  const fact = isQuiet ? `${pass.set.metadata.generation}/${updated.name}/${available}` : undefined;
  if (fact !== undefined && fact !== memory.settled) deps.bus.publish(settled(set, updated.name, available));
  memory.settled = fact;
}

function standOfPass(
  pass: Pass,
  memory: TellMemory,
  { actions, cause, isComplete }: { actions: readonly Action[]; cause: string; isComplete: boolean },
): Stand {
  const { deps, set } = pass;
  const nowMs = deps.clock.monotonic();
  const progress = progressOf(set, memory.progress, { isComplete, remaining: stepsLeft(actions), nowMs });
  memory.progress = progress;
  const { creationRefusal } = pass.memory;
  const stand = standOf({ set, actions, isComplete, progress, creationRefusal, cause, nowMs });
  if (stand.at === 'under-way' && progress) pass.wakeAfter(deadlineInMs(set, progress, nowMs));
  if (stand.at === 'overdue' && !isOverdueTold(set)) {
    deps.recorder.warn(set, DEADLINE_EXCEEDED, `no progress: ${cause || 'what holds the set is not known'}`);
  }
  return stand;
}

/** Reports a pass that broke off, and that this generation was observed (T64). */
export async function reportFailure(
  pass: Pass,
  memory: TellMemory,
  { error, actions, updated }: { error: unknown; actions: readonly Action[]; updated: Revision | undefined },
): Promise<void> {
  const { set, deps } = pass;
  const status = statusOf({
    set,
    members: membersOf(set, pass.owned()),
    updatedRevision: updated?.name ?? set.status?.updatedRevision ?? '',
    isKnownRevision: () => true,
    collisionCount: Math.max(set.status?.collisionCount ?? 0, pass.memory.collisionCount),
    conditions: [conditionOfFailure(error, actions)],
    now: timeOf(deps.clock.now()),
    ...standOfFailure(error, set),
  });
  await writeStatus(deps, set, status, 'failed', memory);
}

function conditionOfFailure(error: unknown, actions: readonly Action[]): ConditionUpdate {
  if (actionsOf(actions, 'createPod', 'awaitCreation', 'awaitBackOff').length > 0) {
    return failed('Scale', 'ScaleOutFailed', [error]);
  }
  const isScaleIn = (action: Action) =>
    'operation' in action && action.operation === 'scale-in' && action.do !== 'cancel';
  return actions.some(isScaleIn)
    ? failed('Scale', 'ScaleInFailed', [error])
    : failed('Update', 'UpdateFailed', [error]);
}

/** What was reported of an earlier generation must not pass for an answer to this one. */
function standOfFailure(error: unknown, { status, metadata }: CollaSet): { stand?: Stand } {
  if (refusesTemplate(error)) {
    return { stand: { at: 'refused', reason: 'UpdateFailed', message: failureText([error]) } };
  }
  return status?.observedGeneration === metadata.generation ? {} : { stand: { at: 'under-way', cause: '' } };
}
