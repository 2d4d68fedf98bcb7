import { type Key, keyOf, matchesSelector, type Pod, type PodTransitionRule } from '@kuperator/api';
import { operationsOf } from '@kuperator/lifecycle';

/**
 * Pods that may go on after a rule object changed from `before` to `after` (undefined: created, deleted).
 * New verdicts wake just the Pods they are for; anything else wakes the Pods that wait under either selector (T68).
 * @param pods those of the rule's namespace
 */
export function podsToWake(
  before: PodTransitionRule | undefined,
  after: PodTransitionRule | undefined,
  pods: () => readonly Pod[],
): readonly Key[] {
  if (before && after && before.metadata.generation === after.metadata.generation && evaluated(before)) {
    return decidedIn(before, after);
  }
  return pods()
    .filter((pod) => [before, after].some((rule) => rule && matchesSelector(rule.spec.selector, pod.metadata.labels)))
    .filter((pod) => operationsOf(pod).length > 0)
    .map(keyOf);
}

/** The generation had been evaluated: until then no verdict counted, so all of them are news. */
function evaluated(rule: PodTransitionRule): boolean {
  return rule.status?.observedGeneration === rule.metadata.generation && !rule.metadata.deletionTimestamp;
}

function decidedIn(before: PodTransitionRule, after: PodTransitionRule): readonly Key[] {
  if (after.metadata.deletionTimestamp) return (after.status?.details ?? []).map((detail) => key(after, detail.name));
  const known = new Set((before.status?.details ?? []).map((detail) => fingerprint(detail)));
  return (after.status?.details ?? [])
    .filter((detail) => detail.passed && !known.has(fingerprint(detail)))
    .map((detail) => key(after, detail.name));
}

type Detail = NonNullable<NonNullable<PodTransitionRule['status']>['details']>[number];

function fingerprint({ uid, stage, passed, operations }: Detail): string {
  return `${uid} ${stage} ${passed} ${(operations ?? []).map(({ id, since }) => `${id}=${since}`).join(' ')}`;
}

function key(rule: PodTransitionRule, pod: string | undefined): Key {
  return `${rule.metadata.namespace}/${pod ?? ''}`;
}
