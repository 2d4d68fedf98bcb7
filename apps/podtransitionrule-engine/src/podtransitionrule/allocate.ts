import type { Refusal } from '@kuperator/holders';
import { type Budget, charged, exhausted, hasRoom } from './budget.ts';
import { type Candidate, passing, refusing } from './candidate.ts';
import { couldServe, isUnavailable } from './population.ts';
import { nameOf } from './selection.ts';
import type { Side } from './side.ts';
import { compareText, endsInDeletion, waitsSince } from './stage.ts';

/** The budgets of all rule objects that take part, after the turns so far. A budget is identified by its position. */
type Books = readonly Budget[];

/** One Pod in one rule object. */
type Part = {
  readonly object: string;
  readonly isOwn: boolean;
  readonly candidate: Candidate;
  /** The object's budgets in which the Pod holds a slot, those in which it needs one, and those that do not apply to it. */
  readonly held: readonly number[];
  readonly needs: readonly number[];
  readonly unasked: readonly number[];
  /** How many Pods a slot adds to the unavailable ones: 0 if the Pod is already unavailable, otherwise 1. */
  readonly costs: 0 | 1;
};
type Contender = { readonly name: string; readonly since: bigint; readonly parts: readonly Part[] };

/** The result of a Pod's turn in its own rule object. */
type Outcome =
  | { readonly kind: 'granted'; readonly rules: readonly string[] }
  /** The budget has no room. Its numbers are read after all turns, so that they include every granted slot. */
  | { readonly kind: 'full'; readonly budget: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * Grants the slots of the stage's budgets to the candidates of `own`. Pure. It runs after label checks and webhooks, and only for Pods
 * that nothing else holds back: a slot whose Pod waits for something else would starve the other Pods (H3). For the same reason a Pod gets
 * the slots of all its budgets, in all rule objects that select it, or none of them.
 *
 * Pods take slots in this order, which all rule objects share so that two of them never wait for each other:
 *
 * 1. Pods that hold a slot keep it: the coordinator may already have acted on it.
 * 2. Pods that are down pass and cost nothing; see {@link isFree}.
 * 3. Pods that need no slot, because they skip the rules or have all their slots. They may go down now, so every budget counts them.
 * 4. Pods that need a slot. The Pod that has waited longest comes first, so that no Pod waits for ever.
 * 5. Among Pods that have waited equally long, the first by name. Any order is fine as long as it is the same in every replica.
 *
 * Each object stores its own slots. Until all have done so, the caches of two replicas may differ, and each object could keep the slot for
 * which the Pod of the other one waits (H4). So slots are stored in the order of the objects' names: this object stores a slot only after the
 * objects before it. Meanwhile it reserves the room for the Pod. See docs/decisions/0013-several-rule-objects.md.
 */
export function allocate(own: Side, others: readonly Side[]): Side {
  if (own.budgets.length === 0 || own.candidates.length === 0) return own;
  const sides = [own, ...others];
  const contenders = contendersOf(sides);
  const isNeedy = ({ parts }: Contender) => parts.some(({ needs }) => needs.length > 0);
  const opening = withoutTurn(
    contenders,
    sides.flatMap(({ budgets }) => budgets),
    isNeedy,
  );
  const queue = contenders.filter(isNeedy).toSorted(byTurn);
  const { books, outcomes } = takeTurns(queue, opening, own.name);
  const budgets = books.slice(0, own.budgets.length);
  // All Pods for which the budget has no room share one refusal, with the numbers after the last turn.
  const full = budgets.map((budget) => ({ ruleName: budget.ruleName, reason: exhausted(budget) }));
  const candidates = own.candidates.map((candidate) => decided(candidate, outcomes.get(nameOf(candidate.pod)), full));
  return { ...own, budgets, candidates };
}

/** Lets the contenders take their turns in order. Each turn starts with the books that the earlier turns have left. */
function takeTurns(queue: readonly Contender[], opening: Books, ownName: string) {
  const outcomes = new Map<string, Outcome>();
  const books = queue.reduce((before, contender) => {
    const { after, outcome } = turnOf(contender, before, ownName);
    if (outcome) outcomes.set(contender.name, outcome);
    return after;
  }, opening);
  return { books, outcomes };
}

function turnOf({ parts }: Contender, books: Books, ownName: string): { after: Books; outcome?: Outcome } {
  const mine = parts.find(({ isOwn }) => isOwn);
  const isRefused = mine?.candidate.refusal !== undefined;
  const full = isRefused ? undefined : mine?.needs.find((at) => !isRoomIn(books, at, mine.costs));
  if (full !== undefined) return { after: books, outcome: { kind: 'full', budget: full } };
  const obstacle = obstacleAmong(parts, books);
  const [first] = mine?.needs ?? [];
  const ruleName = first === undefined ? undefined : books[first]?.ruleName;
  if (obstacle || isRefused) {
    if (!obstacle || isRefused || ruleName === undefined) return { after: books };
    // The rule that refuses is named first, and after it the one that would have a slot to grant.
    return { after: books, outcome: { kind: 'refused', refusal: { ruleName, reason: obstacle } } };
  }
  const after = parts.reduce(chargedBy, books);
  if (!mine || ruleName === undefined) return { after };
  const before = parts.find((part) => !part.isOwn && part.needs.length > 0 && compareText(part.object, ownName) < 0);
  return {
    after,
    outcome: before
      ? { kind: 'refused', refusal: { ruleName, reason: { kind: 'slot-reserved', first: before.object } } }
      : { kind: 'granted', rules: mine.needs.flatMap((at) => books[at]?.ruleName ?? []) },
  };
}

/** The candidate after the allocation. A Pod without a turn, which no budget holds, is unchanged. */
function decided(candidate: Candidate, outcome: Outcome | undefined, full: readonly Refusal[]): Candidate {
  if (outcome?.kind === 'granted') return passing(candidate, outcome.rules);
  if (outcome?.kind === 'refused') return refusing(candidate, outcome.refusal);
  const refusal = outcome && full[outcome.budget];
  if (refusal) return refusing(candidate, refusal);
  if (candidate.refusal || !isFree(candidate)) return candidate;
  return passing(
    candidate,
    candidate.applying.filter(({ kind }) => kind === 'availablePolicy').map(({ name }) => name),
  );
}

/** The books before the first turn. They include the slots that are held, and the Pods that need no slot and may go down. */
function withoutTurn(
  contenders: readonly Contender[],
  books: Books,
  isNeedy: (contender: Contender) => boolean,
): Books {
  const counts = books.map(() => 0);
  const count = (positions: readonly number[], costs: number) => {
    for (const at of positions) counts[at] = (counts[at] ?? 0) + costs;
  };
  for (const contender of contenders) {
    const { parts } = contender;
    const mayGo = !isNeedy(contender) && parts.every(({ candidate }) => candidate.refusal === undefined);
    for (const { held, unasked, costs } of parts) {
      count(held, costs);
      if (mayGo) count(unasked, costs);
    }
  }
  return books.map((budget, at) => ({ ...budget, unavailable: budget.unavailable + (counts[at] ?? 0) }));
}

function contendersOf(sides: readonly Side[]): readonly Contender[] {
  const byName = Map.groupBy(partsOf(sides), ({ candidate }) => nameOf(candidate.pod));
  return [...byName].map(([name, parts]) => ({
    name,
    since: waitsSince(parts[0]?.candidate.entry.operations ?? []),
    parts,
  }));
}

function partsOf(sides: readonly Side[]): readonly Part[] {
  let firstOfSide = 0;
  return sides.flatMap((side, index) => {
    const first = firstOfSide;
    firstOfSide += side.budgets.length;
    return side.candidates.flatMap((candidate) =>
      isFree(candidate) ? [] : [partOf(candidate, side, { first, isOwn: index === 0 })],
    );
  });
}

function partOf(candidate: Candidate, { name, budgets }: Side, place: { first: number; isOwn: boolean }): Part {
  const { passed, applying, pod } = candidate;
  const held: number[] = [];
  const needs: number[] = [];
  const unasked: number[] = [];
  for (const [index, { ruleName }] of budgets.entries()) {
    const at = place.first + index;
    if (passed.has(ruleName)) held.push(at);
    else if (applying.some((rule) => rule.name === ruleName)) needs.push(at);
    else unasked.push(at);
  }
  return { object: name, isOwn: place.isOwn, candidate, held, needs, unasked, costs: isUnavailable(pod) ? 0 : 1 };
}

/**
 * True if the Pod passes every budget without a cost: it is down, so it already counts as unavailable. A Pod that could serve is an
 * exception: many such Pods may come into service at once, for example when their node returns, and all that had passed would go down again
 * together. Such a Pod passes without a cost only to be deleted, because its successor is created on another node.
 * See docs/decisions/0031-pods-of-a-node-that-is-not-ready.md.
 */
function isFree({ pod, entry }: Candidate): boolean {
  return isUnavailable(pod) && (!couldServe(pod) || endsInDeletion(pod, entry));
}

/** The rule of another object that keeps the Pod from using a slot, and why. */
function obstacleAmong(parts: readonly Part[], books: Books) {
  for (const { object, isOwn, candidate, needs, costs } of parts) {
    if (isOwn) continue;
    if (candidate.refusal) return elsewhere(object, candidate.refusal);
    const full = needs.map((at) => books[at]).find((budget) => budget && !hasRoom(budget, costs));
    if (full) return elsewhere(object, { ruleName: full.ruleName, reason: exhausted(full) });
  }
  return undefined;
}

function elsewhere(object: string, { ruleName, reason }: Refusal) {
  return { kind: 'refused-elsewhere', object, rule: ruleName, reason } as const;
}

function isRoomIn(books: Books, at: number, costs: 0 | 1): boolean {
  const budget = books[at];
  return budget === undefined || hasRoom(budget, costs);
}

/** A Pod that goes down is missing from every budget of the stage, including those it does not have to ask. */
function chargedBy(books: Books, { needs, unasked, costs }: Part): Books {
  if (costs === 0) return books;
  return [...needs, ...unasked].reduce((left, at) => {
    const budget = left[at];
    return budget ? left.with(at, charged(budget, costs)) : left;
  }, books);
}

function byTurn(a: Contender, b: Contender): number {
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return compareText(a.name, b.name);
}
