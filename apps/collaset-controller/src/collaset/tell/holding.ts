// Who holds the Pods of a set, for its conditions.
import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  isTerminating,
  operationDelaySecondsOf,
  POD_DELETE_OPERATION_ID,
  type Pod,
  partitionOf,
  replicasOf,
  UPDATE_INCLUDED_LABEL,
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
import { isActive, revisionNameOf } from '../ids/members.ts';
import { availableInMs, isAvailable } from '../plan/availability.ts';
import { SCALE_IN } from '../plan/leaving.ts';
import type { Plan } from '../plan/plan.ts';
import { UPDATE } from '../plan/update-scope.ts';

/** For each question a condition answers: who holds the Pods concerned, in words; empty when nobody does. */
export type Holding = {
  readonly scale: string;
  readonly update: string;
  /** All Pods of the set. */
  readonly all: string;
};

export type HoldingInput = {
  readonly set: CollaSet;
  readonly plan: Plan;
  /** The set's Pods as they are after the pass. */
  readonly pods: readonly Pod[];
  /** Name of the updated revision. */
  readonly updated: string;
  readonly nowMs: number;
  readonly isRunning: Facts['isRunning'];
  /** Why Pods that are missing cannot be created. */
  readonly creationRefusal: string | undefined;
};

/** Pure. */
export function holdingOf(input: HoldingInput): Holding {
  const { set, plan, pods, updated, nowMs, isRunning, creationRefusal } = input;
  const leaving = uidsOf([...plan.scale.surplus, ...plan.scale.renewed]);
  const updating = updatingPods(plan);
  const unfinished = new Map(plan.update.unfinished.map(({ pod, reason }) => [pod.metadata.uid, reason]));
  const successors = new Map([...plan.replace.waiting].map(([origin, next]) => [origin.metadata.uid, next]));
  const scale: Hold[] = [];
  const update: Hold[] = [];
  const all: Hold[] = [];
  const absent = absentHold(creationRefusal);
  if (absent && plan.scale.missing > 0) {
    all.push(absent);
    update.push(absent);
  }
  for (const pod of pods) {
    const { uid } = pod.metadata;
    const isLeaving = leaving.has(uid) || isTakenAway(pod);
    const isUpdating = updating.has(uid) || hasOperation(pod, COLLASET_OPERATION_ID, UPDATE);
    // Most Pods serve; a closer look at each would cost every pass.
    if (!isLeaving && !isUpdating && !isTerminating(pod) && isAvailable(set, pod, nowMs)) continue;
    const facts = { ...factsOf(set, pod, nowMs), isRunning, unfinished: unfinished.get(uid) };
    const hold =
      holdOf(pod, facts) ??
      (isLeaving ? unbegunHold(pod, isRunning) : successorHold(pod, successors.get(uid), nowMs, set));
    if (!hold) continue;
    all.push(hold);
    if (isLeaving) scale.push(hold);
    else if (isUpdating || revisionNameOf(pod) === updated) update.push(hold);
  }
  const { isScalePaused, isUpdatePaused } = pausedWork(set, plan, updated);
  if (isScalePaused) scale.push(PAUSED);
  if (isUpdatePaused) update.push(PAUSED);
  if (isScalePaused || isUpdatePaused) all.push(PAUSED);
  return { scale: textOf(scale), update: textOf(update), all: textOf(all) };
}

/** Who keeps the Pods of a set that is being deleted. Pure. */
export function holdersOfDeletion(
  set: CollaSet,
  pods: readonly Pod[],
  nowMs: number,
  isRunning: Facts['isRunning'],
): string {
  const facts = (pod: Pod) => ({ ...factsOf(set, pod, nowMs), isRunning });
  return textOf(pods.map((pod) => leavingHold(pod, facts(pod)) ?? unbegunHold(pod, isRunning)));
}

/** What a paused set would do were it not: it is held by its user, and not complete. */
export function pausedWork(
  set: CollaSet,
  { members, exclude, include }: Plan,
  updated: string,
): { readonly isScalePaused: boolean; readonly isUpdatePaused: boolean } {
  if (!set.spec.paused) return { isScalePaused: false, isUpdatePaused: false };
  const old = members.counted.filter((pod) => isActive(pod) && revisionNameOf(pod) !== updated);
  const isWanted = ({ metadata }: Pod) => metadata.labels?.[UPDATE_INCLUDED_LABEL] !== undefined;
  const kept = updatesByLabel(set)
    ? old.filter((pod) => !isWanted(pod)).length
    : Math.min(partitionOf(set), old.length);
  return {
    isScalePaused: members.counted.length !== replicasOf(set) || exclude.now.size + include.pods.length > 0,
    isUpdatePaused: old.length > kept,
  };
}

/** Pods that stay at another revision because the rolling update asks for no more. */
export function keptText(set: CollaSet, { members }: Plan, updated: string): string {
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

/** Of a Pod on its way out the holder of the operation that takes it away, should it have others. */
function leavingHold(pod: Pod, facts: Facts): Hold | undefined {
  const isAsked = isTerminating(pod) || isTakenAway(pod);
  return isAsked ? holdOf(pod, facts) : undefined;
}

function isTakenAway(pod: Pod): boolean {
  return hasOperation(pod, POD_DELETE_OPERATION_ID) || hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN);
}

/** A Pod that is marked, or about to be, and whose operation the coordinator begins. */
function unbegunHold(pod: Pod, isRunning: Facts['isRunning']): Hold {
  const holder: Holder = { kind: 'coordinator', step: 'begin', isRunning: isRunning?.(COORDINATOR) ?? true };
  return holdFor(pod, holder, RANKS.PreCheck);
}

/** An origin serves until its new Pod does. */
function successorHold(pod: Pod, successor: Pod | undefined, nowMs: number, set: CollaSet): Hold | undefined {
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

function updatingPods({ update, replace }: Plan): ReadonlySet<string | undefined> {
  return uidsOf([
    ...update.pending.keys(),
    ...update.waiting,
    ...update.finish,
    ...update.unfinished.map(({ pod }) => pod),
    ...replace.waiting.keys(),
  ]);
}

function uidsOf(pods: Iterable<Pod>): ReadonlySet<string | undefined> {
  return new Set([...pods].map(({ metadata }) => metadata.uid));
}

function textOf(holds: readonly Hold[]): string {
  return textOfGroups(foldHolds(holds));
}
