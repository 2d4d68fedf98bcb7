// The condition by which a Pod reports what its operations wait for. It appears only after a wait has lasted for the grace time, and
// disappears with the next write that the operation needs anyway. An operation that does not wait has no condition and costs no write.

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
import { type Reported, track } from './reported.ts';
import { type AnnotationChanges, ruleDetailChanges } from './rule-details.ts';

export type WaitLimits = {
  /** A wait is reported after this time, and so is a change of the holder. */
  readonly graceMs: number;
  /** A wait in one stage is reported as stalled after this time. */
  readonly deadlineMs: number;
};

export type Explanation = {
  /** What the condition has to become; null: it has to be removed; undefined: it is right as it is. */
  readonly condition?: Condition | null;
  readonly annotations: AnnotationChanges;
  /** Whether the explanation is worth a write of its own. Otherwise it only joins a write that happens anyway. */
  readonly isDue: boolean;
  /** The explanation changes after this time although nothing else does. */
  readonly nextMs?: number;
  /** To be given to the next call for this Pod; undefined if the Pod waits for nothing. */
  readonly reported?: Reported;
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
/** A Pod may have many operations, and a rule many reasons. A longer text would not be read. */
const MESSAGE_LIMIT = 2000;

/** What the coordinator knows about a Pod besides the Pod itself. `rules` holds at least the rule objects that select it. */
export type PodFacts = Facts & { readonly rules: readonly PodTransitionRule[] };
/** One operation that waits. */
export type Wait = Hold & { readonly operation: Operation };
type Aged = Wait & { readonly ageMs: number };

/**
 * Pure.
 * @param pod as the reconcile will leave it
 * @param context.before `reported` of the last call for this Pod, if it is known
 */
export function explain(
  pod: Pod,
  { facts, limits, before }: { facts: PodFacts; limits: WaitLimits; before?: Reported | undefined },
): Explanation {
  const { rules, nowMs } = facts;
  const { graceMs, deadlineMs } = limits;
  const present = conditionOf(pod, PROGRESSING);
  const waits = agedWaits(pod, facts, graceMs).toSorted((a, b) => b.ageMs - a.ageMs);
  const long = waits.filter(({ ageMs }) => ageMs >= graceMs);
  const isShown = long.some(({ holder }) => actorOf(holder) === 'rules');
  const annotations = ruleDetailChanges(pod, rules, { isShown });
  const reported = waits.length > 0 ? reportedOf(waits, { present, before, nowMs }) : undefined;
  const graceLeftMs = reported?.outdatedSinceMs === undefined ? 0 : reported.outdatedSinceMs + graceMs - nowMs;
  const times = [graceLeftMs, ...waits.flatMap(({ ageMs }) => [graceMs - ageMs, deadlineMs - ageMs])].filter(
    (ms) => ms > 0,
  );
  const next = { ...(times.length > 0 ? { nextMs: Math.min(...times) } : {}), ...(reported ? { reported } : {}) };
  if (long.length === 0) {
    // A condition that is still True may be left to the next write, since the operation goes on. Without an operation there may never be one.
    const isDue = present !== undefined && (present.status === 'False' || waits.length === 0);
    return { ...(present ? { condition: null } : {}), annotations, isDue, ...next };
  }
  const condition = conditionFor(long, deadlineMs);
  if (graceLeftMs > 0 || (present && isSameHolder(present, condition, wordsFor(long)))) {
    return { annotations, isDue: false, ...next };
  }
  const isTurned = present?.status !== condition.status;
  const lastTransitionTime = (!isTurned && present?.lastTransitionTime) || new Date(nowMs).toISOString();
  return { condition: { ...condition, lastTransitionTime }, annotations, isDue: true, ...next };
}

/** @param long waits beyond the grace time, the longest first */
function conditionFor(long: readonly Aged[], deadlineMs: number): Condition {
  const isStalled = long.some(({ ageMs }) => ageMs >= deadlineMs);
  const [oldest] = long;
  return {
    type: PROGRESSING,
    status: isStalled ? 'False' : 'True',
    reason: isStalled || !oldest ? STALLED : REASONS[actorOf(oldest.holder)],
    message: spelled(wordsFor(long)),
  };
}

/** Looks at all waits, also those that are too young to be reported: what delays their report is their own age. */
function reportedOf(
  waits: readonly Aged[],
  { present, before, nowMs }: { present: Condition | undefined; before: Reported | undefined; nowMs: number },
): Reported {
  const words = wordsFor(waits);
  const now = countlessKey(words);
  const text = present && (isSpelled(words, present.message ?? '') ? now : (present.message ?? ''));
  return track(before, { now, text, isExplicit: waits.every(({ holder }) => actorOf(holder) !== 'engine'), nowMs });
}

/** The waits of the Pod that have passed the deadline. */
export function stalledWaits(pod: Pod, facts: PodFacts, { graceMs, deadlineMs }: WaitLimits): readonly Wait[] {
  return agedWaits(pod, facts, graceMs).filter(({ ageMs }) => ageMs >= deadlineMs);
}

function agedWaits(pod: Pod, facts: PodFacts, graceMs: number): readonly Aged[] {
  const { nowMs } = facts;
  const noticed = Date.parse(conditionOf(pod, PROGRESSING)?.lastTransitionTime ?? '');
  // A label that was set by hand may not be a time. Then the wait counts from its first report, which follows at once.
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
