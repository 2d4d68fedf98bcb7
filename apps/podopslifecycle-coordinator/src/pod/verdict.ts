import { matchesSelector, type Pod, type PodTransitionRule, type TransitionRule } from '@kuperator/api';
import type { CheckRequest } from '@kuperator/lifecycle';

/** Whether an operation may pass its stage, and which rule objects hold it when not. */
export type Verdict = { readonly passed: boolean; readonly heldBy: readonly RuleHold[] };
export type RuleHold = { readonly rule: string; readonly reason: string };

/**
 * Asks every PodTransitionRule of the Pod's namespace that selects it, by its labels of now: a rule that has not seen the
 * Pod yet holds it rather than being passed by (H1). Pure.
 */
export function verdictFor(pod: Pod, rules: readonly PodTransitionRule[], request: CheckRequest): Verdict {
  const heldBy: RuleHold[] = [];
  for (const rule of rules) {
    if (!guards(rule, request.stage) || !matchesSelector(rule.spec.selector, pod.metadata.labels)) continue;
    const reason = holdOf(rule, pod, request);
    if (reason !== undefined) heldBy.push({ rule: rule.metadata.name ?? '', reason });
  }
  return { passed: heldBy.length === 0, heldBy };
}

/** Without a rule for the stage every Pod passes: there is nothing to wait for the engine for. */
function guards(rule: PodTransitionRule, stage: CheckRequest['stage']): boolean {
  if (rule.metadata.deletionTimestamp !== undefined) return false;
  return (rule.spec.rules ?? []).some((each) => !each.disabled && stageOf(each) === stage);
}

function stageOf(rule: TransitionRule): string {
  return rule.stage || 'PreCheck';
}

/** @returns why the rule object holds the operation, or undefined when it lets it pass */
function holdOf(rule: PodTransitionRule, pod: Pod, request: CheckRequest): string | undefined {
  const { status, metadata } = rule;
  if ((status?.observedGeneration ?? -1) < (metadata.generation ?? 0)) return 'the rule was not evaluated yet';
  const detail = status?.details?.find((each) => each.name === pod.metadata.name && each.uid === pod.metadata.uid);
  if (!detail || detail.stage !== request.stage) return 'the rule has not decided on this Pod yet';
  // A verdict is for one run of an operation. Another one, or one begun later, has to ask for its own (D7).
  const asked = detail.operations?.some(({ id, since }) => id === request.id && since === request.since) ?? false;
  if (!asked) return 'the rule has not decided on this operation yet';
  if (detail.passed) return undefined;
  const rejected = (detail.rejectInfo ?? []).map(({ ruleName, reason }) => `${ruleName ?? ''}: ${reason ?? ''}`);
  return rejected.join('; ') || 'the rule refuses';
}
