import type { Pod, PodTransitionRule, PodTransitionRuleStatus } from '@kuperator/api';
import { refusalElsewhere } from './elsewhere.ts';
import { evaluate } from './evaluate.ts';
import { isBehind, observedVersionOf } from './freshness.ts';
import type { Owners } from './population.ts';
import type { RuleSettings } from './rules.ts';
import { selectedPods } from './selection.ts';
import { changeOf, type StatusChange, statusOf } from './status.ts';

/** Everything one pass reads, all of one moment of the caches. */
export type View = {
  readonly rule: PodTransitionRule;
  /** All Pods of its namespace, and the version up to which the cache has seen Pods. */
  readonly pods: readonly Pod[];
  readonly cacheVersion: bigint;
  /** All rule objects of its namespace, `rule` or not. */
  readonly rules: readonly PodTransitionRule[];
  readonly owners: Owners;
  readonly settings: RuleSettings;
};

export type Judgement = { readonly status: PodTransitionRuleStatus; readonly change: StatusChange };

/** What the status of a rule should be. Pure. @returns undefined when the Pod cache is too old to judge by */
export function judge({ rule, pods, cacheVersion, rules, owners, settings }: View): Judgement | undefined {
  if (isBehind(cacheVersion, rule.status)) return undefined;
  const selected = selectedPods(rule, pods);
  const refusedElsewhere = refusalElsewhere(rule, rules, settings);
  const evaluation = evaluate({ rule, selected, owners, settings, refusedElsewhere });
  const status = statusOf(rule, evaluation, observedVersionOf(rule.status, selected, cacheVersion));
  return { status, change: changeOf(rule, status) };
}
