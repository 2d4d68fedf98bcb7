import type { BlockList } from 'node:net';
import { type Pod, type PodTransitionRuleSpec, RULE_STAGES, type RuleStage, type TransitionRule } from '@kuperator/api';
import type { Refusal } from '@kuperator/holders';
import { webhookProblem } from '../webhook/question.ts';
import { type Conditions, isExempt } from './exemption.ts';
import { labelRefusal } from './label-check.ts';
import { limitsOf } from './limits.ts';
import { malformedOperator } from './selection.ts';

export const RULE_KINDS = ['availablePolicy', 'labelCheck', 'webhook'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

/** How this engine evaluates rules, the same for every rule object. */
export type RuleSettings = {
  readonly skippedKinds: ReadonlySet<RuleKind>;
  readonly conditions: Conditions;
  /** Networks that webhooks may be called in although they are loopback, link-local or a metadata service. */
  readonly allowedNetworks?: BlockList;
};

/** A rule that guards a stage. `problem` says why it cannot be evaluated, which the user must correct. */
export type StageRule = {
  readonly name: string;
  readonly kind: RuleKind;
  readonly rule: TransitionRule;
  readonly problem: string | undefined;
};

/** The rules that guard `stage`, in the order of the spec. A rule with several kinds runs exactly one of them. */
export function stageRulesOf(
  spec: PodTransitionRuleSpec,
  stage: RuleStage,
  { skippedKinds }: RuleSettings,
): readonly StageRule[] {
  return (spec.rules ?? []).flatMap((rule) => {
    const kind = RULE_KINDS.find((candidate) => rule[candidate] !== undefined);
    if (rule.disabled || kind === undefined || skippedKinds.has(kind) || stageOfRule(rule) !== stage) return [];
    return [{ name: rule.name, kind, rule, problem: problemOf(rule, kind, spec) }];
  });
}

/** The stage a rule guards: PreCheck unless it names one. */
function stageOfRule(rule: TransitionRule): string {
  return rule.stage || RULE_STAGES[0];
}

/** False if no rule guards the stage: the coordinator then passes every Pod without a verdict. */
export function isGuarded(spec: PodTransitionRuleSpec, stage: string | undefined): boolean {
  return (spec.rules ?? []).some((rule) => !rule.disabled && stageOfRule(rule) === stage);
}

/**
 * Why a rule cannot be evaluated at all. Its Pods are refused, so that the user sees the mistake and no Pod passes because of it.
 * The CRD refuses most of these mistakes, but an object may have been stored before the CRD did.
 */
function problemOf(rule: TransitionRule, kind: RuleKind, spec: PodTransitionRuleSpec): string | undefined {
  // Passes are stored by rule name. If two rules shared a name, the pass of a label check would count as a slot of a budget.
  if ((spec.rules ?? []).filter(({ name }) => name === rule.name).length > 1)
    return 'the name is used by several rules';
  const malformed = malformedOperator(rule.filter?.labelSelector);
  if (malformed !== undefined) return `filter.labelSelector has the unknown operator ${JSON.stringify(malformed)}`;
  if (kind === 'webhook') return rule.webhook && webhookProblem(rule.webhook);
  const limits = rule.availablePolicy && limitsOf(rule.availablePolicy, 0);
  return limits && 'problem' in limits ? `availablePolicy ${limits.problem}` : undefined;
}

/** The rules of `rules` that apply to the Pod. */
export function applyingTo(pod: Pod, rules: readonly StageRule[], conditions: Conditions): readonly StageRule[] {
  return rules.filter(({ rule }) => !isExempt(rule, pod, conditions));
}

/** Why the Pod may not pass one rule; undefined if it may, or if only a webhook or a budget can decide. */
export function refusalBy({ name, kind, rule, problem }: StageRule, pod: Pod): Refusal | undefined {
  if (problem !== undefined) return { ruleName: name, reason: { kind: 'invalid', problem } };
  const reason = kind === 'labelCheck' ? labelRefusal(rule.labelCheck?.requires, pod) : undefined;
  return reason && { ruleName: name, reason };
}

/** What a user should correct in a rule object, whether Pods wait for it or not. */
export function complaintsAbout(spec: PodTransitionRuleSpec, settings: RuleSettings): readonly string[] {
  const evaluated = RULE_STAGES.flatMap((stage) => stageRulesOf(spec, stage, settings));
  const lost = (spec.rules ?? []).filter((rule) => !(RULE_STAGES as readonly string[]).includes(stageOfRule(rule)));
  return [
    ...evaluated.flatMap(({ name, problem }) => (problem === undefined ? [] : [`rule ${name}: ${problem}`])),
    ...lost.map((rule) => `rule ${rule.name}: stage ${JSON.stringify(rule.stage)} does not exist, so it never runs`),
  ];
}
