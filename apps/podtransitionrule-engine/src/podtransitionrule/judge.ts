import type { PodTransitionRuleStatus } from '@kuperator/api';
import { effectOf } from './effect.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { isBehind, observedVersionOf } from './freshness.ts';
import { selectedPods } from './selection.ts';
import type { NamespaceView } from './side.ts';
import { changeOf, type StatusChange, statusOf } from './status.ts';
import { withinLimit } from './status-size.ts';
import type { WebhookContext } from './webhooks.ts';

/** Everything that one pass reads, from one moment of the caches. */
type View = NamespaceView & {
  /** The version up to which the cache has seen Pods. */
  readonly cacheVersion: bigint;
  readonly webhooks: WebhookContext;
};

export type Judgement = {
  readonly status: PodTransitionRuleStatus;
  readonly change: StatusChange;
  /** Pods that may not pass, and those of them for which the status has no room. */
  readonly waiting: number;
  readonly leftOut: number;
  /** What to do about webhooks once the status is stored. */
  readonly webhooks: Evaluation['webhooks'];
};

/** The status that a rule should have. Pure. @returns undefined if the Pod cache is too old for a verdict */
export function judge(view: View): Judgement | undefined {
  const { rule, pods, cacheVersion } = view;
  if (isBehind(cacheVersion, rule.status)) return undefined;
  const selected = selectedPods(rule, pods);
  const evaluation = evaluate({ ...view, selected });
  const observedVersion = observedVersionOf(rule.status, selected, cacheVersion);
  const effect = effectOf(rule, { selectedPods: selected.length, settings: view.settings, nowMs: view.webhooks.nowMs });
  const whole = statusOf(rule, evaluation, { observedPodResourceVersion: observedVersion, effect });
  const { status, leftOut } = withinLimit(rule, whole);
  return {
    status,
    change: changeOf(rule, status),
    waiting: whole.waitingPods ?? 0,
    leftOut,
    webhooks: evaluation.webhooks,
  };
}
