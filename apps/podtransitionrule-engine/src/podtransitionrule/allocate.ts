import type { Pod } from '@kuperator/api';
import { type Budget, exhausted, hasRoom } from './budget.ts';
import { limitsOf } from './limits.ts';
import { isUnavailable, type Population } from './population.ts';
import type { Rejection, StageRule } from './rules.ts';
import { nameOf } from './selection.ts';
import { compareText, type StageEntry, waitsSince } from './stage.ts';

/** A Pod that waits in the stage, as far as the rules without a budget have brought it. */
export type Candidate = {
  readonly pod: Pod;
  readonly entry: StageEntry;
  readonly applying: readonly StageRule[];
  /** Names of the rules passed; budgets it holds a slot of from before are among them. */
  readonly passed: Set<string>;
  rejection: Rejection | undefined;
  readonly refusedElsewhere: () => string | undefined;
};

/**
 * Gives out the slots of the stage's budgets, last of all and only to Pods that nothing else holds back: a slot that
 * waits for something else starves the others (H3), and two rule objects could each wait for the other's (H4). For the
 * same reason a Pod gets the slots of all its budgets or of none. Completes `passed` and `rejection` of each candidate.
 * The order is one that all rule objects share: who holds a pass, who is down anyhow, who waits longest, name.
 */
export function allocate(candidates: readonly Candidate[], rules: readonly StageRule[], population: Population): void {
  const budgets = budgetsOf(rules, population);
  if (budgets.length === 0) return;
  const serving = candidates.filter((candidate) => !passesFree(candidate));
  for (const candidate of serving) {
    for (const budget of budgets) if (candidate.passed.has(budget.ruleName)) budget.unavailable += 1;
  }
  const needs = (candidate: Candidate) => budgets.filter((budget) => lacks(candidate, budget));
  const asking = serving.filter(({ rejection }) => rejection === undefined);
  for (const candidate of asking.filter((candidate) => needs(candidate).length === 0)) {
    // It may go down, so the budgets it is exempt from feel it from now on, not only when it does.
    if (candidate.refusedElsewhere() === undefined) chargeOthers(candidate, budgets);
  }
  const refused: [Candidate, Budget][] = [];
  for (const candidate of inOrder(asking.filter((candidate) => needs(candidate).length > 0))) {
    const wanted = needs(candidate);
    const full = wanted.find((budget) => !hasRoom(budget));
    const elsewhere = full ? undefined : candidate.refusedElsewhere();
    if (full) {
      refused.push([candidate, full]);
    } else if (elsewhere !== undefined) {
      const ruleName = wanted[0]?.ruleName ?? '';
      candidate.rejection = { ruleName, reason: `rule ${ruleName}: no slot while ${elsewhere}` };
    } else {
      chargeOthers(candidate, budgets);
      for (const budget of wanted) candidate.passed.add(budget.ruleName);
    }
  }
  // Only now, so that the counts in the text include all that this pass gave out.
  for (const [candidate, budget] of refused) {
    candidate.rejection = { ruleName: budget.ruleName, reason: exhausted(budget) };
  }
}

function budgetsOf(rules: readonly StageRule[], { counted, missing, total, unread }: Population): readonly Budget[] {
  const policies = rules.flatMap(({ name, kind, rule, problem }) => {
    const limits =
      kind === 'availablePolicy' && rule.availablePolicy ? limitsOf(rule.availablePolicy, total) : undefined;
    return limits === undefined || 'problem' in limits || problem !== undefined ? [] : [{ ruleName: name, ...limits }];
  });
  if (policies.length === 0) return [];
  let unavailable = missing;
  for (const pod of counted) if (isUnavailable(pod)) unavailable += 1;
  return policies.map((policy) => ({ ...policy, total, unread, unavailable }));
}

/** A Pod that is down anyhow passes every budget and costs none of them: it is among the unavailable already. */
function passesFree(candidate: Candidate): boolean {
  if (!isUnavailable(candidate.pod)) return false;
  if (candidate.rejection === undefined) {
    for (const { kind, name } of candidate.applying) if (kind === 'availablePolicy') candidate.passed.add(name);
  }
  return true;
}

function lacks({ applying, passed }: Candidate, { ruleName }: Budget): boolean {
  return !passed.has(ruleName) && applying.some(({ name }) => name === ruleName);
}

/** One Pod down is one less in every budget of the stage, also in those it need not ask. */
function chargeOthers({ passed }: Candidate, budgets: readonly Budget[]): void {
  for (const budget of budgets) if (!passed.has(budget.ruleName)) budget.unavailable += 1;
}

function inOrder(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, since: waitsSince(candidate.entry.operations), name: nameOf(candidate.pod) }))
    .toSorted((a, b) => (a.since === b.since ? compareText(a.name, b.name) : a.since < b.since ? -1 : 1))
    .map(({ candidate }) => candidate);
}
