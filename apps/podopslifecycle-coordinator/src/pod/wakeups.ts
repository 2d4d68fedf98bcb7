import { type Key, keyOf, matchesSelector, type Pod, type PodTransitionRule } from '@kuperator/api';
import { haveSameReasons } from '@kuperator/holders';
import { operationsOf } from '@kuperator/lifecycle';

/**
 * Pods that may go on after a rule object changed from `before` to `after` (undefined: created, deleted).
 * New verdicts wake just the Pods they are for; anything else wakes the Pods that wait under either selector (T68).
 * A refusal lets no Pod go on: it wakes those that tell who holds them, when it is another than before.
 * @param pods those of the rule's namespace
 * @param tells whether a Pod says who holds it
 */
export function podsToWake(
  before: PodTransitionRule | undefined,
  after: PodTransitionRule | undefined,
  pods: () => readonly Pod[],
  tells: (key: Key) => boolean,
): readonly Key[] {
  if (before && after && before.metadata.generation === after.metadata.generation && evaluated(before)) {
    return decidedIn(before, after, tells);
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

function decidedIn(before: PodTransitionRule, after: PodTransitionRule, tells: (key: Key) => boolean): readonly Key[] {
  if (after.metadata.deletionTimestamp) return (after.status?.details ?? []).map((detail) => key(after, detail.name));
  const known = new Map((before.status?.details ?? []).map((detail) => [fingerprint(detail), detail]));
  return (after.status?.details ?? []).flatMap((detail) => {
    const same = known.get(fingerprint(detail));
    const pod = key(after, detail.name);
    if (detail.passed) return same ? [] : [pod];
    // Most refusals have not changed, or only in a count. The expensive check comes last.
    if (same && haveSameReasons(same.rejectInfo, detail.rejectInfo)) return [];
    return tells(pod) ? [pod] : [];
  });
}

type Detail = NonNullable<NonNullable<PodTransitionRule['status']>['details']>[number];

function fingerprint({ uid, stage, passed, operations }: Detail): string {
  return `${uid} ${stage} ${passed} ${(operations ?? []).map(({ id, since }) => `${id}=${since}`).join(' ')}`;
}

function key(rule: PodTransitionRule, pod: string | undefined): Key {
  return `${rule.metadata.namespace}/${pod ?? ''}`;
}
