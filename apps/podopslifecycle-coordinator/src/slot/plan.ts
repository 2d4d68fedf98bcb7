// A Pod can hold a slot of one rule object while another rule object refuses the Pod, for example after it has come under a further budget
// that is used up. The slot is then held in vain. The engine cannot take it back, because the coordinator may be acting on the verdict that
// gave it. But a verdict is valid for one run of an operation only, and the coordinator can begin another run.

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

type HeldInVain = {
  /** Names of the rule objects that have given a slot, and of those that refuse the Pod. */
  readonly holding: readonly string[];
  readonly refusing: readonly string[];
  /** Distinguishes this case from a later one of the same Pod. */
  readonly run: string;
  /** Labels that begin another run of the operations. They are a nanosecond younger, so the Pod keeps its place in the queue. */
  readonly labels: Readonly<Record<string, string>>;
};

/**
 * The slot that the Pod holds in vain; undefined if it holds none. Pure.
 * @param rules at least the rule objects that select the Pod; called only for a Pod whose operations all wait
 */
export function heldInVain(pod: Pod, rules: () => readonly PodTransitionRule[]): HeldInVain | undefined {
  const operations = operationsOf(pod);
  const waiting = operations.filter(({ stage, since }) => stage === 'PreCheck' && /^\d{1,62}$/.test(since));
  // An operation that has passed takes the Pod down, so it uses its slot. A Pod that is down for another reason uses its slot as well.
  if (waiting.length === 0 || waiting.length < operations.length || !isServiceAvailable(pod)) return undefined;
  const holding: string[] = [];
  const refusing: string[] = [];
  for (const rule of rules()) {
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
 * Pods that may hold a slot in vain because `rule` changed: either it refuses them and another rule object has given them a slot, or it
 * gives them a slot.
 * @param rules all rule objects of the namespace, `rule` included
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
  let holders = holdersByStatus.get(status);
  if (!holders) {
    const details = (status.details ?? []).filter((detail) => holdsSlot(rule, detail));
    holders = details.map((detail) => keyFor(rule, detail));
    holdersByStatus.set(status, holders);
  }
  return holders;
}

/** Each change of one rule object asks for the holders of all rule objects of its namespace, so they are kept as long as the status is. */
const holdersByStatus = new WeakMap<NonNullable<PodTransitionRule['status']>, readonly Key[]>();

function holdsSlot({ spec }: PodTransitionRule, { passedRules = [] }: RuleDetail): boolean {
  return (spec.rules ?? []).some(({ name, availablePolicy }) => availablePolicy && passedRules.includes(name));
}

function keyFor({ metadata }: PodTransitionRule, { name = '' }: RuleDetail): Key {
  return `${metadata.namespace}/${name}`;
}
