// The condition by which a Pod says what its operations wait for. An operation that flows has none and costs nothing: it appears
// when a wait has lasted, and goes with whatever write comes next.

import { type Condition, conditionOf, type Pod, type PodTransitionRule } from '@kuperator/api';
import {
  type Actor,
  actorOf,
  type CountedText,
  counted,
  countlessKey,
  type Facts,
  type Hold,
  holdsOf,
  isSpelled,
  PROGRESSING,
  shortened,
  spelled,
  timeOf,
  wordsOf,
} from '@kuperator/holders';
import type { Operation } from '@kuperator/lifecycle';
import { type AnnotationChanges, ruleDetailChanges } from './rule-details.ts';
import { look, type Seen } from './seen.ts';

export type Patience = {
  /** A wait is not worth a write before, nor is another holder than the Pod tells of. */
  readonly graceMs: number;
  /** A wait in one stage is reported as stalled after. */
  readonly deadlineMs: number;
};

export type Explanation = {
  /** What the condition has to become; null: it goes; undefined: it is right as it is. */
  readonly condition?: Condition | null;
  readonly annotations: AnnotationChanges;
  /** Worth a write of its own; else it only joins one that happens anyway. */
  readonly isDue: boolean;
  /** When time alone changes the answer, from now. */
  readonly nextMs?: number;
  /** To be given to the next call for this Pod; undefined when it waits for nothing. */
  readonly seen?: Seen;
};

export const NOTHING_TO_EXPLAIN: Explanation = { annotations: {}, isDue: false };

const REASONS: Record<Actor, string> = {
  rules: 'WaitingForRules',
  engine: 'WaitingForEngine',
  traffic: 'WaitingForTraffic',
  operator: 'WaitingForOperator',
  kubelet: 'WaitingForKubelet',
  scheduler: 'WaitingForScheduler',
  coordinator: 'WaitingForCoordinator',
  user: 'WaitingForUser',
  time: 'WaitingForTime',
  'api-server': 'WaitingForApiServer',
};
const STALLED = 'Stalled';
/** A Pod may have many operations, a rule many reasons; nobody reads more. */
const MESSAGE_LIMIT = 2000;

/** What the coordinator knows of a Pod besides the Pod. `rules`: at least those that select it. */
export type PodFacts = Facts & { readonly rules: readonly PodTransitionRule[] };
/** One operation that waits. */
export type Wait = Hold & { readonly operation: Operation };
type Aged = Wait & { readonly ageMs: number };

/**
 * Pure.
 * @param pod as it will be after the pass
 * @param before `seen` of the last call for this Pod, if that is known
 */
export function explain(pod: Pod, facts: PodFacts, { graceMs, deadlineMs }: Patience, before?: Seen): Explanation {
  const { rules, nowMs } = facts;
  const present = conditionOf(pod, PROGRESSING);
  const waits = agedWaits(pod, facts, graceMs).toSorted((a, b) => b.ageMs - a.ageMs);
  const long = waits.filter(({ ageMs }) => ageMs >= graceMs);
  const isStalled = long.some(({ ageMs }) => ageMs >= deadlineMs);
  const isShown = long.some(({ holder }) => actorOf(holder) === 'rules');
  const annotations = ruleDetailChanges(pod, rules, { isShown });
  const seen = waits.length > 0 ? seenOf(waits, present, before, nowMs) : undefined;
  const settlesMs = seen?.untrueSinceMs === undefined ? 0 : seen.untrueSinceMs + graceMs - nowMs;
  const dates = [settlesMs, ...waits.flatMap(({ ageMs }) => [graceMs - ageMs, deadlineMs - ageMs])].filter(
    (ms) => ms > 0,
  );
  const next = { ...(dates.length > 0 ? { nextMs: Math.min(...dates) } : {}), ...(seen ? { seen } : {}) };
  const [oldest] = long;
  if (!oldest) {
    // Still True, it may be left to the next write: the operation goes on. Without an operation none may ever come.
    const isDue = present !== undefined && (present.status === 'False' || waits.length === 0);
    return { ...(present ? { condition: null } : {}), annotations, isDue, ...next };
  }
  const condition: Condition = {
    type: PROGRESSING,
    status: isStalled ? 'False' : 'True',
    reason: isStalled ? STALLED : REASONS[actorOf(oldest.holder)],
    message: spelled(wordsFor(long)),
  };
  if (settlesMs > 0 || (present && isSameHolder(present, condition, wordsFor(long))))
    return { annotations, isDue: false, ...next };
  const isTurned = present?.status !== condition.status;
  const lastTransitionTime = (!isTurned && present?.lastTransitionTime) || new Date(nowMs).toISOString();
  return { condition: { ...condition, lastTransitionTime }, annotations, isDue: true, ...next };
}

/** Of all waits, those too young to be told as well: for these it is their own age that has them wait. */
function seenOf(waits: readonly Aged[], present: Condition | undefined, before: Seen | undefined, nowMs: number): Seen {
  const words = wordsFor(waits);
  const now = countlessKey(words);
  const told = present && (isSpelled(words, present.message ?? '') ? now : (present.message ?? ''));
  return look(before, { now, told, isWord: waits.every(({ holder }) => actorOf(holder) !== 'engine'), nowMs });
}

/** The waits of the Pod that have passed the deadline. */
export function stalledWaits(pod: Pod, facts: PodFacts, { graceMs, deadlineMs }: Patience): readonly Wait[] {
  return agedWaits(pod, facts, graceMs).filter(({ ageMs }) => ageMs >= deadlineMs);
}

function agedWaits(pod: Pod, facts: PodFacts, graceMs: number): readonly Aged[] {
  const { nowMs } = facts;
  const noticed = Date.parse(conditionOf(pod, PROGRESSING)?.lastTransitionTime ?? '');
  // A label set by hand may not say since when; then it counts from when we first told of it, which is at once.
  const fallbackMs = Number.isNaN(noticed) ? nowMs - graceMs : noticed;
  return holdsOf(pod, facts).flatMap((hold) => {
    const { operation, sinceMs } = hold;
    return operation ? [{ ...hold, operation, ageMs: nowMs - (sinceMs ?? fallbackMs) }] : [];
  });
}

/** The message of the condition, with its counts marked. */
function wordsFor(waits: readonly Wait[]): CountedText {
  const sentences = waits.flatMap(({ operation: { id, type = 'operation', stage }, holder, sinceMs }, at) => {
    const since = sinceMs === undefined ? '' : ` since ${timeOf(sinceMs)}`;
    return counted`${at === 0 ? '' : '. '}${type} ${id}: ${wordsOf(holder)}; in ${stage}${since}`;
  });
  return shortened(sentences, MESSAGE_LIMIT, '…');
}

/** True if the Pod's condition, which an earlier process may have written, says the same apart from counts. */
function isSameHolder(present: Condition, next: Condition, words: CountedText): boolean {
  return present.status === next.status && present.reason === next.reason && isSpelled(words, present.message ?? '');
}
