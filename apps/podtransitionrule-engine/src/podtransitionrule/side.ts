import { isTerminating, type Pod, type PodTransitionRule, type RuleStage } from '@kuperator/api';
import type { Budget } from './budget.ts';
import { type Candidate, candidateFor } from './candidate.ts';
import { limitsOf } from './limits.ts';
import { isUnavailable, type Owners, type Population, populationOf } from './population.ts';
import { type RuleSettings, type StageRule, stageRulesOf } from './rules.ts';
import { nameOf, selectedPods, selects } from './selection.ts';
import { compareText, stageOf } from './stage.ts';
import { unapprovedBy } from './webhooks.ts';

/** One rule object in the allocation of a stage: its budgets and its candidates, by Pod name. */
export type Side = {
  readonly name: string;
  readonly budgets: readonly Budget[];
  readonly candidates: ReadonlyMap<string, Candidate>;
};

export function sideOf(
  rule: PodTransitionRule,
  rules: readonly StageRule[],
  candidates: readonly Candidate[],
  population: () => Population,
): Side {
  return {
    name: nameOf(rule),
    budgets: budgetsOf(rules, population),
    candidates: new Map(candidates.map((candidate) => [nameOf(candidate.pod), candidate])),
  };
}

/**
 * The other rule objects that share waiting Pods with `side`, directly or through further ones, as far as their stored
 * verdicts say. All objects of such a group come to the same allocation, so that none waits for what another never gives.
 */
export function othersBeside(
  side: Side,
  stage: RuleStage,
  view: {
    rule: PodTransitionRule;
    rules: readonly PodTransitionRule[];
    pods: readonly Pod[];
    owners: Owners;
    settings: RuleSettings;
  },
): readonly Side[] {
  const { rule, rules, pods, owners, settings } = view;
  let left = rules.filter((other) => other.metadata.uid !== rule.metadata.uid && !isTerminating(other));
  const others: Side[] = [];
  let fresh: readonly Side[] = [side];
  while (fresh.length > 0 && left.length > 0) {
    const waiting = fresh.flatMap(({ candidates }) => [...candidates.values()].map(({ pod }) => pod));
    const joining = left.filter((other) => waiting.some((pod) => selects(other, pod)));
    left = left.filter((other) => !joining.includes(other));
    fresh = joining.flatMap((other) => storedSide(other, stage, pods, owners, settings) ?? []);
    others.push(...fresh);
  }
  return others.toSorted((a, b) => compareText(a.name, b.name));
}

/** @returns undefined for an object without a say in the stage */
function storedSide(
  rule: PodTransitionRule,
  stage: RuleStage,
  pods: readonly Pod[],
  owners: Owners,
  settings: RuleSettings,
): Side | undefined {
  const rules = stageRulesOf(rule.spec, stage, settings);
  if (rules.length === 0) return undefined;
  const previous = new Map((rule.status?.details ?? []).map((detail) => [detail.name, detail]));
  const selected = selectedPods(rule, pods);
  const candidates = selected.flatMap((pod) => {
    const entry = stageOf(pod);
    if (entry?.stage !== stage) return [];
    const candidate = candidateFor(pod, entry, rules, rule, previous.get(nameOf(pod)), settings);
    candidate.rejection ??= unapprovedBy(candidate);
    return [candidate];
  });
  return sideOf(rule, rules, candidates, () => populationOf(selected, owners));
}

function budgetsOf(rules: readonly StageRule[], population: () => Population): readonly Budget[] {
  const policies = rules.flatMap(({ name, rule, kind, problem }) =>
    kind === 'availablePolicy' && rule.availablePolicy && problem === undefined
      ? [{ ruleName: name, policy: rule.availablePolicy }]
      : [],
  );
  if (policies.length === 0) return [];
  const { counted, missing, total, unread } = population();
  let unavailable = missing;
  for (const pod of counted) if (isUnavailable(pod)) unavailable += 1;
  return policies.flatMap(({ ruleName, policy }) => {
    const limits = limitsOf(policy, total);
    return 'problem' in limits ? [] : [{ ruleName, ...limits, total, unread, unavailable }];
  });
}
