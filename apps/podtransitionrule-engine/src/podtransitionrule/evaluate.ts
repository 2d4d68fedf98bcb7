import { type Pod, type PodTransitionRule, RULE_STAGES, type RuleDetail, type RuleState } from '@kuperator/api';
import { allocate } from './allocate.ts';
import { type Candidate, candidateFor } from './candidate.ts';
import { type Owners, populationOf } from './population.ts';
import { type RuleSettings, stageRulesOf } from './rules.ts';
import { nameOf } from './selection.ts';
import { othersBeside, sideOf } from './side.ts';
import { slotsOf } from './slots.ts';
import { compareText, stageOf } from './stage.ts';
import { consultWebhooks, type WebhookContext, type WebhookWork } from './webhooks.ts';

export type EvaluationInput = {
  /** With the status its last evaluation wrote: who holds a pass is read from there. */
  readonly rule: PodTransitionRule;
  /** The Pods it selects, by name, and all of its namespace, from one moment of the cache. */
  readonly selected: readonly Pod[];
  readonly pods: readonly Pod[];
  /** All rule objects of the namespace. */
  readonly rules: readonly PodTransitionRule[];
  readonly owners: Owners;
  readonly settings: RuleSettings;
  readonly webhooks: WebhookContext;
};

export type Evaluation = {
  readonly targets: readonly string[];
  readonly details: readonly RuleDetail[];
  readonly ruleStates: readonly RuleState[];
  /** Of the budget that is nearest to its limit, `used/total`; undefined without a budget. */
  readonly slots: string | undefined;
  readonly webhooks: Omit<WebhookWork, 'states'>;
};

/**
 * The verdict for every selected Pod that waits in a stage. Pure, and the same for the same input.
 * A verdict is for the uid and the operations named in it and for nothing that comes after them (H5, D7).
 */
export function evaluate(input: EvaluationInput): Evaluation {
  const { rule, selected, owners, settings } = input;
  const previous = new Map((rule.status?.details ?? []).map((detail) => [detail.name, detail]));
  const waiting = selected.flatMap((pod) => {
    const entry = stageOf(pod);
    return entry ? [{ pod, entry }] : [];
  });
  const stages = RULE_STAGES.map((stage) => {
    const rules = stageRulesOf(rule.spec, stage, settings);
    const candidates = waiting
      .filter(({ entry }) => entry.stage === stage)
      .map(({ pod, entry }) => candidateFor(pod, entry, rules, rule, previous.get(nameOf(pod)), settings));
    const webhooks = consultWebhooks(rule, rules, candidates, input.webhooks);
    const own = sideOf(rule, rules, candidates, () => populationOf(selected, owners));
    if (own.budgets.length > 0 && candidates.length > 0) allocate(own, othersBeside(own, stage, input));
    return { details: candidates.map(detailOf), webhooks, budgets: own.budgets };
  });
  const work = stages.map(({ webhooks }) => webhooks);
  const due = work.flatMap(({ dueAtMs }) => dueAtMs ?? []);
  return {
    targets: selected.map(nameOf),
    details: stages.flatMap(({ details }) => details).toSorted(byName),
    ruleStates: work.flatMap(({ states }) => states).toSorted(byName),
    slots: slotsOf(stages.flatMap(({ budgets }) => budgets)),
    webhooks: {
      calls: work.flatMap(({ calls }) => calls),
      ignored: work.flatMap(({ ignored }) => ignored),
      dueAtMs: due.length > 0 ? Math.min(...due) : undefined,
    },
  };
}

function detailOf({ pod, entry, applying, passed, rejection }: Candidate): RuleDetail {
  const passedRules = applying.filter(({ name }) => passed.has(name)).map(({ name }) => name);
  return {
    name: nameOf(pod),
    uid: pod.metadata.uid ?? '',
    stage: entry.stage,
    operations: [...entry.operations],
    passed: rejection === undefined,
    ...(passedRules.length > 0 ? { passedRules } : {}),
    ...(rejection ? { rejectInfo: [rejection] } : {}),
  };
}

function byName(a: { name?: string }, b: { name?: string }): number {
  return compareText(a.name ?? '', b.name ?? '');
}
