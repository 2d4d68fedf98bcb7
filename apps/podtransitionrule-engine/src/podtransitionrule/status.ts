import type { Condition, PodTransitionRule, PodTransitionRuleStatus, RuleDetail, RuleState } from '@kuperator/api';
import { haveSameReasons } from '@kuperator/holders';
import { progressText } from '../webhook/task.ts';
import type { Evaluation } from './evaluate.ts';
import { isGuarded } from './rules.ts';

/** The status as it should be, without `updateTime`, which is set when it is written. */
export function statusOf(
  rule: PodTransitionRule,
  { targets, details, ruleStates, slots }: Evaluation,
  { observedPodResourceVersion, effect }: { readonly observedPodResourceVersion: string; readonly effect: Condition },
): PodTransitionRuleStatus {
  return {
    observedGeneration: rule.metadata.generation ?? 0,
    ...(observedPodResourceVersion ? { observedPodResourceVersion } : {}),
    targets: [...targets],
    details: [...details],
    selectedPods: targets.length,
    waitingPods: details.filter(({ passed }) => !passed).length,
    ...(slots === undefined ? {} : { slots }),
    conditions: [effect],
    ...(ruleStates.length > 0 ? { ruleStates: [...ruleStates] } : {}),
  };
}

/**
 * How much of a status changed. `verdicts`: other operators act on the change. A Pod may pass, may no longer pass, has got or lost the
 * pass of one rule, or a webhook has answered.
 * `rest`: refusals of Pods that could not pass before either, targets, numbers in reasons and columns, messages of webhooks, and details of
 * Pods that left their stage or are in a stage without rules. No operator acts on these, so they are kept back and written together. A newer
 * observed Pod version is not a change: it only belongs to the verdicts that it is written with.
 */
export type StatusChange = 'none' | 'rest' | 'verdicts';

export function changeOf({ spec, status: previous }: PodTransitionRule, next: PodTransitionRuleStatus): StatusChange {
  if (previous?.observedGeneration !== next.observedGeneration) return 'verdicts';
  const before = byName(previous);
  const details = next.details ?? [];
  const isNews = (detail: RuleDetail) => !isSameVerdict(before.get(detail.name), detail);
  const news = details.filter(isNews);
  const asked = new Set((spec.rules ?? []).filter(({ webhook }) => webhook).map(({ name }) => name));
  const isAwaited = (detail: RuleDetail) =>
    isActedOn(before.get(detail.name), detail) || detail.rejectInfo?.some(({ ruleName = '' }) => asked.has(ruleName));
  if (news.some((detail) => isGuarded(spec, detail.stage) && isAwaited(detail))) return 'verdicts';
  // A question is stored before it is asked, and its answer before the task is polled.
  if (progressText(previous?.ruleStates) !== progressText(next.ruleStates)) return 'verdicts';
  const same =
    news.length === 0 &&
    before.size === details.length &&
    figuresText(previous) === figuresText(next) &&
    sameNames(previous?.targets ?? [], next.targets ?? []) &&
    details.every((detail) => isSameText(before.get(detail.name)?.rejectInfo, detail.rejectInfo)) &&
    remarksText(previous?.ruleStates) === remarksText(next.ruleStates);
  return same ? 'none' : 'rest';
}

/** Fields that are only shown to people. */
function figuresText(status: PodTransitionRuleStatus | undefined): string {
  const conditions = (status?.conditions ?? []).map(({ type, status, reason, message }) => [
    type,
    status,
    reason,
    message,
  ]);
  return JSON.stringify([status?.selectedPods, status?.waitingPods, status?.slots, conditions]);
}

/** A Pod without a verdict waits like a refused one, so only a pass, of all rules or of one rule, makes a difference to the coordinator. */
function isActedOn(before: RuleDetail | undefined, now: RuleDetail): boolean {
  const known = before?.uid === now.uid ? before : undefined;
  return now.passed === true || known?.passed === true || !sameNames(known?.passedRules ?? [], now.passedRules ?? []);
}

/** The details of `next` with a new answer for a Pod, or with other operations. */
export function decidedBy(
  previous: PodTransitionRuleStatus | undefined,
  next: PodTransitionRuleStatus,
): readonly RuleDetail[] {
  const before = byName(previous);
  return (next.details ?? []).filter((detail) => !isSameDecision(before.get(detail.name), detail));
}

/** True if in `next` a Pod passes all rules, or one of them, that it did not pass in `previous`. */
export function letsMorePass(previous: PodTransitionRuleStatus | undefined, next: PodTransitionRuleStatus): boolean {
  const before = byName(previous);
  return (next.details ?? []).some((detail) => {
    const known = before.get(detail.name);
    const passed = new Set(known && known.uid === detail.uid ? known.passedRules : []);
    if (detail.passed && !isSameDecision(known, detail)) return true;
    return detail.passedRules?.some((name) => !passed.has(name)) ?? false;
  });
}

/** Ms to wait before a `rest` change may be written; 0 when the last write, by whichever replica, is `leastMs` old. */
export function restWaitMs(previous: PodTransitionRuleStatus | undefined, nowMs: number, leastMs: number): number {
  const sinceMs = nowMs - Date.parse(previous?.updateTime ?? '');
  // A time in the future comes from a replica whose clock is ahead of ours. It says nothing about the wait, so do not wait.
  return sinceMs >= 0 && sinceMs < leastMs ? leastMs - sinceMs : 0;
}

function byName(status: PodTransitionRuleStatus | undefined): ReadonlyMap<string | undefined, RuleDetail> {
  return new Map((status?.details ?? []).map((detail) => [detail.name, detail]));
}

// Compared field by field: building texts only to compare them would cost more than the rest of an evaluation.

function isSameDecision(a: RuleDetail | undefined, b: RuleDetail): boolean {
  if (!a || a.uid !== b.uid || a.stage !== b.stage || a.passed !== b.passed) return false;
  const [before, now] = [a.operations ?? [], b.operations ?? []];
  return (
    before.length === now.length && before.every(({ id, since }, at) => now[at]?.id === id && now[at].since === since)
  );
}

function isSameVerdict(a: RuleDetail | undefined, b: RuleDetail): boolean {
  return (
    isSameDecision(a, b) &&
    sameNames(a?.passedRules ?? [], b.passedRules ?? []) &&
    // Counts in a reason change with every Pod: the same rule that refuses by the same limit is the same verdict.
    haveSameReasons(a?.rejectInfo, b.rejectInfo)
  );
}

function isSameText(a: RuleDetail['rejectInfo'] = [], b: RuleDetail['rejectInfo'] = []): boolean {
  return (
    a.length === b.length &&
    a.every(({ ruleName, reason }, at) => b[at]?.ruleName === ruleName && b[at]?.reason === reason)
  );
}

/** What the status shows of tasks besides their progress. The time of the last poll alone is not worth a write. */
function remarksText(states: readonly RuleState[] | undefined): string {
  return JSON.stringify(
    (states ?? []).map(({ webhookStatus }) => [
      (webhookStatus?.taskStates ?? []).map(({ message }) => message),
      (webhookStatus?.history ?? []).map(({ taskId, traceId, lastTime }) => [taskId, traceId, lastTime]),
    ]),
  );
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
