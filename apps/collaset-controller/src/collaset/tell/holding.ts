// Describes what the Pods of a set wait for, for its conditions.
import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  isTerminating,
  operationDelaySecondsOf,
  POD_DELETE_OPERATION_ID,
  type Pod,
  partitionOf,
  updatesByLabel,
} from '@kuperator/api';
import {
  bounded,
  COORDINATOR,
  type Facts,
  foldHolds,
  type Hold,
  type Holder,
  holdOf,
  RANKS,
  textOfGroups,
} from '@kuperator/holders';
import { hasOperation, type Operation, permittedSince } from '@kuperator/lifecycle';
import { type Members, revisionNameOf } from '../ids/members.ts';
import { type Action, actionsOf, podOf } from '../plan/action.ts';
import { availableInMs, isAvailable } from '../plan/availability.ts';
import { SCALE_IN } from '../plan/leaving.ts';
import { UPDATE } from '../plan/update-scope.ts';

/** Texts that say what Pods wait for. Empty if they do not wait. */
export type Holding = {
  readonly scale: string;
  readonly update: string;
  /** About all Pods of the set. */
  readonly all: string;
};

type HoldingInput = {
  readonly set: CollaSet;
  readonly actions: readonly Action[];
  /** The set's Pods after the pass. */
  readonly pods: readonly Pod[];
  /** Name of the updated revision. */
  readonly updated: string;
  readonly nowMs: number;
  readonly isRunning: Facts['isRunning'];
  /** Why missing Pods cannot be created; undefined if they can. */
  readonly creationRefusal: string | undefined;
};

/** Describes what the Pods of the set wait for. Pure. */
export function holdingOf(input: HoldingInput): Holding {
  const { set, actions, pods, updated, nowMs, isRunning, creationRefusal } = input;
  const leaving = podsOf(actions, 'scale-in', 'renew');
  const updating = updatingPods(actions);
  const unfinished = new Map(actionsOf(actions, 'awaitKubelet').map(({ pod, reason }) => [pod.metadata.uid, reason]));
  const successors = new Map(
    actionsOf(actions, 'awaitReplacement').map(({ pod, successor }) => [pod.metadata.uid, successor]),
  );
  const scale: Hold[] = [];
  const update: Hold[] = [];
  const all: Hold[] = [];
  const absent = absentHold(creationRefusal);
  if (absent && actionsOf(actions, 'createPod', 'awaitCreation', 'awaitBackOff').length > 0) {
    all.push(absent);
    update.push(absent);
  }
  for (const pod of pods) {
    const { uid } = pod.metadata;
    const isLeaving = leaving.has(uid) || isTakenAway(pod);
    const isUpdating = updating.has(uid) || hasOperation(pod, COLLASET_OPERATION_ID, UPDATE);
    // Most Pods are in service. Skip them early, because this runs in every pass.
    if (!isLeaving && !isUpdating && !isTerminating(pod) && isAvailable(set, pod, nowMs)) continue;
    const facts = { ...factsOf(set, pod, nowMs), isRunning, unfinished: unfinished.get(uid) };
    const hold =
      holdOf(pod, facts) ??
      (isLeaving ? unbegunHold(pod, isRunning) : successorHold(pod, successors.get(uid), { nowMs, set }));
    if (!hold) continue;
    all.push(hold);
    if (isLeaving) scale.push(hold);
    else if (isUpdating || revisionNameOf(pod) === updated) update.push(hold);
  }
  const paused = actionsOf(actions, 'awaitResume').map((action) => action.of);
  if (paused.includes('scale')) scale.push(PAUSED);
  if (paused.includes('update')) update.push(PAUSED);
  if (paused.length > 0) all.push(PAUSED);
  return { scale: textOf(scale), update: textOf(update), all: textOf(all) };
}

/** Describes what the Pods of a set that is being deleted wait for. Pure. */
export function holdersOfDeletion({
  set,
  pods,
  nowMs,
  isRunning,
}: Pick<HoldingInput, 'set' | 'pods' | 'nowMs' | 'isRunning'>): string {
  const facts = (pod: Pod) => ({ ...factsOf(set, pod, nowMs), isRunning });
  return textOf(pods.map((pod) => leavingHold(pod, facts(pod)) ?? unbegunHold(pod, isRunning)));
}

/** Describes the Pods that stay at another revision because the rolling update does not include them; empty if there are none. */
export function keptText(set: CollaSet, members: Members, updated: string): string {
  if (!updatesByLabel(set) && partitionOf(set) === 0) return '';
  const kept = members.active.filter((pod) => revisionNameOf(pod) !== updated);
  const partition = updatesByLabel(set) ? undefined : partitionOf(set);
  return textOf(kept.map((pod) => holdFor(pod, { kind: 'partition', partition }, RANKS.set)));
}

function factsOf(set: CollaSet, pod: Pod, nowMs: number): Facts {
  const inMs = availableInMs(set, pod, nowMs);
  return {
    nowMs,
    delay: (operation) => delayOf(set, pod, operation),
    ...(inMs !== undefined && inMs > 0 ? { availableAtMs: nowMs + inMs } : {}),
  };
}

function delayOf(set: CollaSet, pod: Pod, { id, type }: Operation): ReturnType<NonNullable<Facts['delay']>> {
  if (id !== COLLASET_OPERATION_ID || (type !== UPDATE && type !== SCALE_IN)) return undefined;
  const seconds = operationDelaySecondsOf(set, type);
  const since = permittedSince(pod, id);
  if (seconds <= 0 || since === undefined) return undefined;
  return { seconds, untilMs: Number(since / 1_000_000n) + seconds * 1000 };
}

/** What a Pod that is being deleted waits for; undefined for any other Pod. */
function leavingHold(pod: Pod, facts: Facts): Hold | undefined {
  const isAsked = isTerminating(pod) || isTakenAway(pod);
  return isAsked ? holdOf(pod, facts) : undefined;
}

function isTakenAway(pod: Pod): boolean {
  return hasOperation(pod, POD_DELETE_OPERATION_ID) || hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN);
}

/** A Pod is marked `to-delete`, or is about to be, and waits for the coordinator to begin its operation. */
function unbegunHold(pod: Pod, isRunning: Facts['isRunning']): Hold {
  const holder: Holder = { kind: 'coordinator', step: 'begin', isRunning: isRunning?.(COORDINATOR) ?? true };
  return holdFor(pod, holder, RANKS.PreCheck);
}

/** An origin waits until its successor is available. */
function successorHold(
  pod: Pod,
  successor: Pod | undefined,
  { nowMs, set }: { nowMs: number; set: CollaSet },
): Hold | undefined {
  if (!successor || isAvailable(set, successor, nowMs)) return undefined;
  return holdFor(pod, { kind: 'new-pod', name: successor.metadata.name ?? '' }, RANKS.PreCheck);
}

function absentHold(refusal: string | undefined): Hold | undefined {
  if (refusal === undefined) return undefined;
  const holder: Holder = { kind: 'refused', what: 'a new Pod', message: bounded(refusal) };
  return { holder, pod: undefined, operation: undefined, sinceMs: undefined, rank: RANKS.absent };
}

function holdFor(pod: Pod, holder: Holder, rank: number): Hold {
  return { holder, pod: pod.metadata.name, operation: undefined, sinceMs: undefined, rank };
}

const PAUSED: Hold = {
  holder: { kind: 'paused' },
  pod: undefined,
  operation: undefined,
  sinceMs: undefined,
  rank: RANKS.set,
};

/** Uids of the Pods that are being updated or replaced. A cancelled update does not count. */
function updatingPods(actions: readonly Action[]): ReadonlySet<string | undefined> {
  return podsOf(
    actions.filter((action) => action.do !== 'cancel'),
    'update',
    'replace',
  );
}

function podsOf(actions: readonly Action[], ...operations: readonly string[]): ReadonlySet<string | undefined> {
  const uids = new Set<string | undefined>();
  for (const action of actions) {
    const operation = 'operation' in action ? action.operation : undefined;
    if (operation !== undefined && operations.includes(operation)) uids.add(podOf(action)?.metadata.uid);
  }
  return uids;
}

function textOf(holds: readonly Hold[]): string {
  return textOfGroups(foldHolds(holds));
}
