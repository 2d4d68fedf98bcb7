import { type Budget, exhausted, hasRoom } from './budget.ts';
import type { Candidate } from './candidate.ts';
import { isDownWithItsNode, isUnavailable } from './population.ts';
import type { Side } from './side.ts';
import { compareText, endsInDeletion, waitsSince } from './stage.ts';

/** One Pod in one rule object, and the slots it still needs there. */
type Part = {
  readonly side: Side;
  readonly candidate: Candidate;
  readonly needs: readonly Budget[];
  /** Pods by which the slot makes the budgets fuller: none for a Pod that is down with its node, and so in them already. */
  readonly costs: 0 | 1;
};
type Contender = { readonly name: string; readonly since: bigint; readonly parts: readonly Part[] };

/**
 * Gives out the slots of the stage's budgets, last of all and only to Pods that nothing else holds back: a slot that
 * waits for something else starves the others (H3). For the same reason a Pod gets the slots of all its budgets, in all
 * rule objects that select it, or none of them. The order is one that all objects share: who holds a pass, who is down
 * anyhow, who waits longest, name. Completes `passed` and `rejection` of the candidates of `own`.
 *
 * What other objects give is their own writes; until they are made, a cache may tell two objects different stories, and
 * each would keep the slot the other one's Pod waits for (H4). So slots are stored in the order of the objects' names:
 * here only once those before have theirs stored. Meanwhile the room is kept for the Pod.
 * See docs/decisions/0013-several-rule-objects.md.
 */
export function allocate(own: Side, others: readonly Side[]): void {
  if (own.budgets.length === 0) return;
  const contenders = contendersOf([own, ...others]);
  const refused: [Candidate, Budget][] = [];
  const [needy, exempt] = partition(contenders, ({ parts }) => parts.some(({ needs }) => needs.length > 0));
  for (const { parts } of exempt) {
    // It may go down, so the budgets it need not ask feel it from now on, not only when it does.
    if (parts.every(({ candidate }) => candidate.rejection === undefined)) for (const part of parts) charge(part);
  }
  for (const { parts } of inOrder(needy)) {
    const mine = parts.find(({ side }) => side === own);
    const full = mine?.candidate.rejection ? undefined : mine?.needs.find((budget) => !hasRoom(budget, mine.costs));
    if (mine && full) {
      refused.push([mine.candidate, full]);
      continue;
    }
    const obstacle = obstacleAmong(parts, own);
    if (obstacle === undefined && !mine?.candidate.rejection) {
      const first = mine && parts.find(({ side, needs }) => needs.length > 0 && compareText(side.name, own.name) < 0);
      for (const part of parts) charge(part);
      if (!mine || mine.needs.length === 0) continue;
      if (first) reject(mine, `its slot is kept until PodTransitionRule ${first.side.name} has given one`);
      else for (const budget of mine.needs) mine.candidate.passed.add(budget.ruleName);
    } else if (mine && mine.needs.length > 0 && !mine.candidate.rejection) {
      reject(mine, `no slot while ${obstacle}`);
    }
  }
  // Only now, so that the counts in the text include all that this pass gave out.
  for (const [candidate, budget] of refused) {
    candidate.rejection = { ruleName: budget.ruleName, reason: exhausted(budget) };
  }
}

function contendersOf(sides: readonly Side[]): readonly Contender[] {
  const byName = new Map<string, { since: bigint; parts: Part[] }>();
  for (const side of sides) {
    for (const [name, candidate] of side.candidates) {
      if (passesFree(candidate)) continue;
      const costs = isDownWithItsNode(candidate.pod) ? 0 : 1;
      for (const budget of side.budgets) if (candidate.passed.has(budget.ruleName)) budget.unavailable += costs;
      const needs = side.budgets.filter((budget) => lacks(candidate, budget));
      const contender = byName.get(name) ?? { since: waitsSince(candidate.entry.operations), parts: [] };
      contender.parts.push({ side, candidate, needs, costs });
      byName.set(name, contender);
    }
  }
  return [...byName].map(([name, contender]) => ({ name, ...contender }));
}

/**
 * A Pod that is down anyhow passes every budget and costs none of them: it is among the unavailable already. One that is down
 * with its node only passes to be deleted: its successor is made on another node, but what is changed in place comes into effect on
 * all Pods of the node at once, when the node is back. See docs/decisions/0031-pods-of-a-node-that-is-not-ready.md.
 */
function passesFree(candidate: Candidate): boolean {
  const { pod, entry } = candidate;
  if (!isUnavailable(pod) || (isDownWithItsNode(pod) && !endsInDeletion(pod, entry))) return false;
  if (candidate.rejection === undefined) {
    for (const { kind, name } of candidate.applying) if (kind === 'availablePolicy') candidate.passed.add(name);
  }
  return true;
}

function lacks({ applying, passed }: Candidate, { ruleName }: Budget): boolean {
  return !passed.has(ruleName) && applying.some(({ name }) => name === ruleName);
}

/** Why another rule object keeps the Pod from using a slot. */
function obstacleAmong(parts: readonly Part[], own: Side): string | undefined {
  for (const { side, candidate, needs, costs } of parts) {
    if (side === own) continue;
    if (candidate.rejection) return `PodTransitionRule ${side.name} refuses it: ${candidate.rejection.reason}`;
    const full = needs.find((budget) => !hasRoom(budget, costs));
    if (full) return `PodTransitionRule ${side.name} has none: ${exhausted(full)}`;
  }
  return undefined;
}

/** One Pod down is one less in every budget of the stage, also in those it need not ask. */
function charge({ side, candidate: { passed }, costs }: Part): void {
  for (const budget of side.budgets) if (!passed.has(budget.ruleName)) budget.unavailable += costs;
}

function reject({ candidate, needs }: Part, reason: string): void {
  const ruleName = needs[0]?.ruleName ?? '';
  candidate.rejection = { ruleName, reason: `rule ${ruleName}: ${reason}` };
}

function inOrder(contenders: readonly Contender[]): readonly Contender[] {
  return contenders.toSorted((a, b) =>
    a.since === b.since ? compareText(a.name, b.name) : a.since < b.since ? -1 : 1,
  );
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const first: T[] = [];
  const second: T[] = [];
  for (const item of items) (isFirst(item) ? first : second).push(item);
  return [first, second];
}
