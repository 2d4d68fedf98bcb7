import { isTerminating, type Pod, type PodTransitionRule, type RuleDetail, type RuleStage } from '@kuperator/api';
import type { Budget } from './budget.ts';
import { type Candidate, candidateFor, refusing } from './candidate.ts';
import { limitsOf } from './limits.ts';
import { isUnavailable, type Owners, type Population, populationOf } from './population.ts';
import { type RuleSettings, type StageRule, stageRulesOf } from './rules.ts';
import { nameOf, selectedPods, selects } from './selection.ts';
import { compareText, stageOf } from './stage.ts';
import { unapprovedBy } from './webhooks.ts';

/** One rule object in the allocation of a stage: its budgets, and its candidates by Pod name. */
export type Side = {
  readonly name: string;
  readonly budgets: readonly Budget[];
  readonly candidates: readonly Candidate[];
};

/** The input of the rule objects of a namespace, from one moment of the caches. */
export type NamespaceView = {
  /** The rule object that is evaluated. */
  readonly rule: PodTransitionRule;
  /** All rule objects and all Pods of its namespace. */
  readonly rules: readonly PodTransitionRule[];
  readonly pods: readonly Pod[];
  readonly owners: Owners;
  readonly settings: RuleSettings;
};

/** The verdicts stored for the Pods of a rule object, by name. */
export function storedVerdictsOf({ status }: PodTransitionRule): (name: string) => RuleDetail | undefined {
  const details = new Map((status?.details ?? []).map((detail) => [detail.name, detail]));
  return (name) => details.get(name);
}

/**
 * The other rule objects that, according to their stored verdicts, share waiting Pods with `side`, directly or through further objects. All
 * objects of such a group compute the same allocation, so that none waits for a slot that another never grants.
 */
export function othersBeside(side: Side, stage: RuleStage, view: NamespaceView): readonly Side[] {
  const { rule, rules } = view;
  let left = rules.filter((other) => other.metadata.uid !== rule.metadata.uid && !isTerminating(other));
  const others: Side[] = [];
  let fresh: readonly Side[] = [side];
  while (fresh.length > 0 && left.length > 0) {
    const waiting = fresh.flatMap(({ candidates }) => candidates.map(({ pod }) => pod));
    const joining = left.filter((other) => waiting.some((pod) => selects(other, pod)));
    left = left.filter((other) => !joining.includes(other));
    fresh = joining.flatMap((other) => storedSide(other, stage, view) ?? []);
    others.push(...fresh);
  }
  return others.toSorted((a, b) => compareText(a.name, b.name));
}

/** @returns undefined for an object that has no rule for the stage */
function storedSide(rule: PodTransitionRule, stage: RuleStage, view: NamespaceView): Side | undefined {
  const { pods, owners, settings } = view;
  const rules = stageRulesOf(rule.spec, stage, settings);
  if (rules.length === 0) return undefined;
  const selected = selectedPods(rule, pods);
  const source = { rule, rules, settings, previous: storedVerdictsOf(rule) };
  const candidates = selected.flatMap((pod) => {
    const entry = stageOf(pod);
    if (entry?.stage !== stage) return [];
    const candidate = candidateFor(pod, entry, source);
    const unapproved = candidate.refusal ? undefined : unapprovedBy(candidate);
    return [unapproved ? refusing(candidate, unapproved) : candidate];
  });
  return { name: nameOf(rule), budgets: budgetsOf(rules, () => populationOf(selected, owners)), candidates };
}

/** The budgets of the availability rules among `rules`. The population is only counted if there is one. */
export function budgetsOf(rules: readonly StageRule[], population: () => Population): readonly Budget[] {
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
