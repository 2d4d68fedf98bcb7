import { type Pod, RULE_STAGES, type RuleDetail, type RuleStage, type RuleState } from '@kuperator/api';
import { type Refusal, textOfRefusal } from '@kuperator/holders';
import { allocate } from './allocate.ts';
import type { Budget } from './budget.ts';
import { type Candidate, type CandidateSource, candidateFor } from './candidate.ts';
import { populationOf } from './population.ts';
import { stageRulesOf } from './rules.ts';
import { nameOf } from './selection.ts';
import { budgetsOf, type NamespaceView, othersBeside, storedVerdictsOf } from './side.ts';
import { slotsOf } from './slots.ts';
import { compareText, type StageEntry, stageOf } from './stage.ts';
import { consultWebhooks, type WebhookContext, type WebhookWork } from './webhooks.ts';

/** `rule` has the status of its last evaluation, which shows the Pods that hold a pass. */
type EvaluationInput = NamespaceView & {
  /** The Pods the rule selects, by name. */
  readonly selected: readonly Pod[];
  readonly webhooks: WebhookContext;
};

export type Evaluation = {
  readonly targets: readonly string[];
  readonly details: readonly RuleDetail[];
  readonly ruleStates: readonly RuleState[];
  /** `used/total` of the budget that is nearest to its limit; undefined without a budget. */
  readonly slots: string | undefined;
  readonly webhooks: Omit<WebhookWork, 'states'>;
};

/**
 * The verdict for every selected Pod that waits in a stage. Pure, and the same for the same input.
 * A verdict applies only to the uid and the operations named in it, not to later ones (H5, D7).
 */
export function evaluate(input: EvaluationInput): Evaluation {
  const { selected } = input;
  const waiting = selected.flatMap((pod) => {
    const entry = stageOf(pod);
    return entry ? [{ pod, entry }] : [];
  });
  const inputs = { ...input, previous: storedVerdictsOf(input.rule) };
  const stages = RULE_STAGES.map((stage) => {
    const here = waiting.filter(({ entry }) => entry.stage === stage);
    return evaluateStage(stage, here, inputs);
  });
  const textOf = refusalTexts();
  const work = stages.map(({ webhooks }) => webhooks);
  const due = work.flatMap(({ dueAtMs }) => dueAtMs ?? []);
  return {
    targets: selected.map(nameOf),
    details: stages
      .flatMap(({ candidates }) => candidates.map((candidate) => detailOf(candidate, textOf)))
      .toSorted(byName),
    ruleStates: work.flatMap(({ states }) => states).toSorted(byName),
    slots: slotsOf(stages.flatMap(({ budgets }) => budgets)),
    webhooks: {
      calls: work.flatMap(({ calls }) => calls),
      ignored: work.flatMap(({ ignored }) => ignored),
      dueAtMs: due.length > 0 ? Math.min(...due) : undefined,
    },
  };
}

type Waiting = { readonly pod: Pod; readonly entry: StageEntry };
type StageInput = EvaluationInput & Pick<CandidateSource, 'previous'>;
type StageResult = {
  readonly candidates: readonly Candidate[];
  readonly budgets: readonly Budget[];
  readonly webhooks: WebhookWork;
};

/**
 * Takes the Pods of one stage through its rules: label checks cost nothing and come first, webhooks are asked only about Pods that pass
 * these, and a slot of a budget goes only to a Pod that nothing else holds back.
 */
function evaluateStage(stage: RuleStage, waiting: readonly Waiting[], input: StageInput): StageResult {
  const { rule, selected, owners, settings } = input;
  const rules = stageRulesOf(rule.spec, stage, settings);
  const source = { rule, rules, settings, previous: input.previous };
  const checked = waiting.map(({ pod, entry }) => candidateFor(pod, entry, source));
  const { candidates: consulted, work } = consultWebhooks(checked, { rule, rules, context: input.webhooks });
  const budgets = budgetsOf(rules, () => populationOf(selected, owners));
  const own = { name: nameOf(rule), budgets, candidates: consulted };
  const isContended = budgets.length > 0 && consulted.length > 0;
  const allocated = isContended ? allocate(own, othersBeside(own, stage, input)) : own;
  return { candidates: allocated.candidates, budgets: allocated.budgets, webhooks: work };
}

/** The texts of refusals. Thousands of Pods share the refusal of a budget, so each is put into words once. */
function refusalTexts(): (refusal: Refusal) => string {
  const texts = new Map<Refusal, string>();
  return (refusal) => {
    const known = texts.get(refusal) ?? textOfRefusal(refusal);
    texts.set(refusal, known);
    return known;
  };
}

function detailOf(
  { pod, entry, applying, passed, refusal }: Candidate,
  textOf: (refusal: Refusal) => string,
): RuleDetail {
  const passedRules = applying.filter(({ name }) => passed.has(name)).map(({ name }) => name);
  return {
    name: nameOf(pod),
    uid: pod.metadata.uid ?? '',
    stage: entry.stage,
    operations: [...entry.operations],
    passed: refusal === undefined,
    ...(passedRules.length > 0 ? { passedRules } : {}),
    ...(refusal ? { rejectInfo: [{ ruleName: refusal.ruleName, reason: textOf(refusal) }] } : {}),
  };
}

function byName(a: { name?: string }, b: { name?: string }): number {
  return compareText(a.name ?? '', b.name ?? '');
}
