// Slots that are held in vain. A Pod may hold a slot of one rule object while another refuses it, as when it has come under a further
// budget that is used up. The engine cannot take the slot back, for we may be acting on the verdict that gave it; but verdicts
// are for one run of an operation, and we are the ones who can begin another.

import {
  type Key,
  matchesSelector,
  type Pod,
  type PodTransitionRule,
  type RuleDetail,
  stageLabel,
} from '@kuperator/api';
import { detailOf, isFor } from '@kuperator/holders';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';

export type HeldInVain = {
  /** Names of the rule objects that have given a slot, and of those that refuse. */
  readonly holding: readonly string[];
  readonly refusing: readonly string[];
  /** Tells this case from a later one of the same Pod. */
  readonly run: string;
  /** Labels with which its operations ask anew, a nanosecond younger: they keep their place in the queue. */
  readonly labels: Readonly<Record<string, string>>;
};

/** Pure. @param rules at least those that select the Pod */
export function heldInVain(pod: Pod, rules: readonly PodTransitionRule[]): HeldInVain | undefined {
  const operations = operationsOf(pod);
  const waiting = operations.filter(({ stage, since }) => stage === 'PreCheck' && /^\d{1,62}$/.test(since));
  // What has been let go is down or will be: its slot is in use, and so is that of a Pod that is down anyhow.
  if (waiting.length === 0 || waiting.length < operations.length || !isServiceAvailable(pod)) return undefined;
  const holding: string[] = [];
  const refusing: string[] = [];
  for (const rule of rules) {
    const { name = '', deletionTimestamp } = rule.metadata;
    if (deletionTimestamp || !matchesSelector(rule.spec.selector, pod.metadata.labels)) continue;
    const detail = detailOf(rule, pod);
    if (detail?.stage !== 'PreCheck' || !waiting.some((operation) => isFor(detail, operation))) continue;
    if (holdsSlot(rule, detail)) holding.push(name);
    if (!detail.passed) refusing.push(name);
  }
  if (holding.length === 0 || refusing.length === 0) return undefined;
  const labels = waiting.map(({ id, since }) => [stageLabel('pre-check', id), String(BigInt(since) + 1n)]);
  return { holding, refusing, run: JSON.stringify([pod.metadata.uid, labels]), labels: Object.fromEntries(labels) };
}

/**
 * Pods that may hold a slot in vain since `rule` changed: it refuses them and one of `rules` has given them a slot, or the
 * other way round. @param rules all of the namespace, `rule` too
 */
export function refusedHolders(rule: PodTransitionRule, rules: readonly PodTransitionRule[]): ReadonlySet<Key> {
  const details = rule.status?.details ?? [];
  const refused = new Set(details.filter(({ passed }) => !passed).map((detail) => keyFor(rule, detail)));
  const elsewhere = rules.flatMap(holdersIn).filter((key) => refused.has(key));
  return new Set([...elsewhere, ...holdersIn(rule)]);
}

function holdersIn(rule: PodTransitionRule): readonly Key[] {
  const { status } = rule;
  if (!status) return [];
  let holders = known.get(status);
  if (!holders) {
    const details = (status.details ?? []).filter((detail) => holdsSlot(rule, detail));
    holders = details.map((detail) => keyFor(rule, detail));
    known.set(status, holders);
  }
  return holders;
}

/** Asked of every rule object of a namespace whenever one of them changes: remembered as long as the status is. */
const known = new WeakMap<NonNullable<PodTransitionRule['status']>, readonly Key[]>();

function holdsSlot({ spec }: PodTransitionRule, { passedRules = [] }: RuleDetail): boolean {
  return (spec.rules ?? []).some(({ name, availablePolicy }) => availablePolicy && passedRules.includes(name));
}

function keyFor({ metadata }: PodTransitionRule, { name = '' }: RuleDetail): Key {
  return `${metadata.namespace}/${name}`;
}
