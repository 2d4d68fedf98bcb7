import type { Pod, PodTransitionRule, RuleDetail, RuleState, TransitionRule } from '@kuperator/api';
import type { Refusal } from '@kuperator/holders';
import { questionHash } from '../webhook/question.ts';
import { applyingTo, type RuleSettings, refusalBy, type StageRule } from './rules.ts';
import type { StageEntry } from './stage.ts';

/** A Pod that waits in a stage, from the point of view of one rule object. Each step of an evaluation returns new candidates. */
export type Candidate = {
  readonly pod: Pod;
  readonly entry: StageEntry;
  readonly applying: readonly StageRule[];
  /** Names of the rules passed, including budgets whose slot the Pod has kept and webhooks that approved before. */
  readonly passed: ReadonlySet<string>;
  readonly refusal: Refusal | undefined;
  /** The stored verdict names every operation the Pod waits for. */
  readonly continues: boolean;
};

/** The candidate with `names` among the rules it has passed. */
export function passing(candidate: Candidate, names: Iterable<string>): Candidate {
  const passed = new Set(candidate.passed);
  for (const name of names) passed.add(name);
  return { ...candidate, passed };
}

/** The candidate refused by a rule. */
export function refusing(candidate: Candidate, refusal: Refusal): Candidate {
  return { ...candidate, refusal };
}

/** The input for a candidate, in addition to the Pod. */
export type CandidateSource = {
  readonly rule: PodTransitionRule;
  /** The rules of the object that guard the stage. */
  readonly rules: readonly StageRule[];
  readonly settings: RuleSettings;
  /** The verdict stored for a Pod of this name. */
  readonly previous: (name: string) => RuleDetail | undefined;
};

/** The candidate after label checks and stored passes. New approvals of webhooks and slots of budgets come later. */
export function candidateFor(pod: Pod, entry: StageEntry, source: CandidateSource): Candidate {
  const applying = applyingTo(pod, source.rules, source.settings.conditions);
  const previous = source.previous(pod.metadata.name ?? '');
  const recalled = previous ? recall(previous, pod, entry) : NOTHING;
  const remembered = previous
    ? applying.filter((each) => isRemembered(each, { previous, recalled, rule: source.rule }))
    : [];
  const { checked, refusal } = checkLabels(applying, pod);
  return {
    pod,
    entry,
    applying,
    passed: namesOf(remembered, checked),
    refusal,
    continues: recalled.continues,
  };
}

/** The label checks passed up to the first rule that refuses, in the order of the spec. */
function checkLabels(
  applying: readonly StageRule[],
  pod: Pod,
): { readonly checked: readonly StageRule[]; readonly refusal: Refusal | undefined } {
  for (const [at, each] of applying.entries()) {
    const refusal = refusalBy(each, pod);
    if (refusal) return { checked: applying.slice(0, at).filter(isLabelCheck), refusal };
  }
  return { checked: applying.filter(isLabelCheck), refusal: undefined };
}

function isLabelCheck({ kind }: StageRule): boolean {
  return kind === 'labelCheck';
}

function namesOf(...rules: readonly (readonly StageRule[])[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const some of rules) for (const { name } of some) names.add(name);
  return names;
}

type Recalled = { readonly slots: boolean; readonly continues: boolean };
const NOTHING: Recalled = { slots: false, continues: false };

/**
 * The part of a stored verdict that still applies to the Pod. A slot belongs to the Pod: one operation in common is enough, and a further
 * operation takes no further slot. An approval applies only to the operations about which the approver was asked (H5).
 */
function recall(detail: RuleDetail, pod: Pod, entry: StageEntry): Recalled {
  if (detail.uid !== pod.metadata.uid || detail.stage !== entry.stage) return NOTHING;
  const isNamed = ({ id, since }: { id: string; since: string }) =>
    (detail.operations ?? []).some((named) => named.id === id && named.since === since);
  return { slots: entry.operations.some(isNamed), continues: entry.operations.every(isNamed) };
}

/** True if the Pod has kept its slot of the rule, or the approval, from its stored verdict. */
function isRemembered(
  { kind, name, rule: each }: StageRule,
  memory: { readonly previous: RuleDetail; readonly recalled: Recalled; readonly rule: PodTransitionRule },
): boolean {
  const { previous, recalled, rule } = memory;
  if (!previous.passedRules?.includes(name)) return false;
  // Names in a verdict of an older spec may now belong to other rules, so only a full pass stays valid.
  const isKnown = previous.passed === true || rule.status?.observedGeneration === rule.metadata.generation;
  if (kind === 'availablePolicy') return recalled.slots && isKnown;
  return kind === 'webhook' && recalled.continues && (isKnown || isSameQuestion(rule, each));
}

function isSameQuestion(rule: PodTransitionRule, webhookRule: TransitionRule): boolean {
  return storedStateOf(rule, webhookRule.name)?.question === questionHash(webhookRule);
}

export function storedStateOf(rule: PodTransitionRule, name: string): RuleState['webhookStatus'] {
  return rule.status?.ruleStates?.find((state) => state.name === name)?.webhookStatus;
}
