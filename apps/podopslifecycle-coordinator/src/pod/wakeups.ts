import { type Key, keyOf, matchesSelector, type Pod, type PodTransitionRule } from '@kuperator/api';
import { haveSameReasons } from '@kuperator/holders';
import { operationsOf } from '@kuperator/lifecycle';

/**
 * Pods that may go on after a rule object changed from `before` to `after` (undefined if it was created or deleted). New verdicts wake only the
 * Pods they are for. Any other change wakes the Pods that wait under the old or the new selector (T68). A refusal lets no Pod go on:
 * if it differs from the last one, it wakes those Pods that report their holder.
 */
export function podsToWake(
  { before, after }: { before: PodTransitionRule | undefined; after: PodTransitionRule | undefined },
  {
    pods,
    reportsHolder,
  }: {
    /** The Pods of the rule's namespace. */
    pods: () => readonly Pod[];
    /** Whether a Pod has a condition that names its holder. */
    reportsHolder: (key: Key) => boolean;
  },
): readonly Key[] {
  if (before && after && before.metadata.generation === after.metadata.generation && isEvaluated(before)) {
    return decidedIn(before, after, reportsHolder);
  }
  return pods()
    .filter((pod) => [before, after].some((rule) => rule && matchesSelector(rule.spec.selector, pod.metadata.labels)))
    .filter((pod) => operationsOf(pod).length > 0)
    .map(keyOf);
}

/** Whether the rule's generation has been evaluated. Verdicts of an earlier generation do not count, so after it all verdicts are new. */
function isEvaluated(rule: PodTransitionRule): boolean {
  return rule.status?.observedGeneration === rule.metadata.generation && !rule.metadata.deletionTimestamp;
}

function decidedIn(
  before: PodTransitionRule,
  after: PodTransitionRule,
  reportsHolder: (key: Key) => boolean,
): readonly Key[] {
  if (after.metadata.deletionTimestamp) return (after.status?.details ?? []).map((detail) => key(after, detail.name));
  const known = new Map((before.status?.details ?? []).map((detail) => [fingerprint(detail), detail]));
  return (after.status?.details ?? []).flatMap((detail) => {
    const same = known.get(fingerprint(detail));
    const pod = key(after, detail.name);
    if (detail.passed) return same ? [] : [pod];
    // Most refusals are unchanged, or differ only in a count. The expensive check comes last.
    if (same && haveSameReasons(same.rejectInfo, detail.rejectInfo)) return [];
    return reportsHolder(pod) ? [pod] : [];
  });
}

type Detail = NonNullable<NonNullable<PodTransitionRule['status']>['details']>[number];

function fingerprint({ uid, stage, passed, operations }: Detail): string {
  return `${uid} ${stage} ${passed} ${(operations ?? []).map(({ id, since }) => `${id}=${since}`).join(' ')}`;
}

function key(rule: PodTransitionRule, pod: string | undefined): Key {
  return `${rule.metadata.namespace}/${pod ?? ''}`;
}
