import type { Pod, PodTransitionRule, RuleDetail, RuleState, TransitionRule } from '@kuperator/api';
import { questionHash } from '../webhook/question.ts';
import { applyingTo, type Rejection, type RuleSettings, rejectionBy, type StageRule } from './rules.ts';
import type { StageEntry } from './stage.ts';

/** A Pod that waits in a stage, as one rule object sees it. */
export type Candidate = {
  readonly pod: Pod;
  readonly entry: StageEntry;
  readonly applying: readonly StageRule[];
  /** Names of the rules passed; budgets it holds a slot of from before and earlier approvals are among them. */
  readonly passed: Set<string>;
  rejection: Rejection | undefined;
  /** The stored verdict names every operation it waits for. */
  readonly continues: boolean;
};

/** How far label checks, and what is remembered, bring the Pod. Webhooks not yet passed and budgets are still to come. */
export function candidateFor(
  pod: Pod,
  entry: StageEntry,
  rules: readonly StageRule[],
  rule: PodTransitionRule,
  previous: RuleDetail | undefined,
  settings: RuleSettings,
): Candidate {
  const applying = applyingTo(pod, rules, settings.conditions);
  const recalled = previous ? recall(previous, pod, entry) : NOTHING;
  const names = new Set(recalled.slots || recalled.continues ? previous?.passedRules : []);
  const sameSpec = rule.status?.observedGeneration === rule.metadata.generation;
  const passed = new Set<string>();
  for (const { kind, name, rule: each } of applying) {
    if (!names.has(name)) continue;
    // Names in a verdict of an older spec may by now belong to other rules; only a full pass outlives the change.
    const known = sameSpec || previous?.passed;
    if (kind === 'availablePolicy' && recalled.slots && known) passed.add(name);
    if (kind === 'webhook' && recalled.continues && (known || isSameQuestion(rule, each))) passed.add(name);
  }
  let rejection: Rejection | undefined;
  for (const each of applying) {
    rejection = rejectionBy(each, pod);
    if (rejection) break;
    if (each.kind === 'labelCheck') passed.add(each.name);
  }
  return { pod, entry, applying, passed, rejection, continues: recalled.continues };
}

const NOTHING = { slots: false, continues: false };

/**
 * What a stored verdict still says about a Pod. A slot is the Pod's: one operation in common is enough, and a further one
 * takes no further slot. Approvals are for the operations they were asked for, and for none that has come since (H5).
 */
function recall(detail: RuleDetail, pod: Pod, entry: StageEntry): typeof NOTHING {
  if (detail.uid !== pod.metadata.uid || detail.stage !== entry.stage) return NOTHING;
  const isNamed = ({ id, since }: { id: string; since: string }) =>
    (detail.operations ?? []).some((named) => named.id === id && named.since === since);
  return { slots: entry.operations.some(isNamed), continues: entry.operations.every(isNamed) };
}

function isSameQuestion(rule: PodTransitionRule, webhookRule: TransitionRule): boolean {
  return storedStateOf(rule, webhookRule.name)?.question === questionHash(webhookRule);
}

export function storedStateOf(rule: PodTransitionRule, name: string): RuleState['webhookStatus'] {
  return rule.status?.ruleStates?.find((state) => state.name === name)?.webhookStatus;
}
