// Why verdicts hold although caches lag: docs/decisions/0005-verdicts-under-a-stale-cache.md.

import type { Pod, PodTransitionRuleStatus } from '@kuperator/api';
import { compareResourceVersions } from '@kuperator/runtime';
import { nameOf } from './selection.ts';

/** True when the Pod cache is older than what the last verdicts were computed from: judging by it would undo what they saw. */
export function isBehind(cacheVersion: bigint, status: PodTransitionRuleStatus | undefined): boolean {
  return compareResourceVersions(cacheVersion.toString(), status?.observedPodResourceVersion) < 0;
}

/**
 * The Pod version that verdicts over `selected` rest on: whoever judges after them must have seen as much. That is the
 * newest of the Pods. Where a Pod with a verdict is gone there is no such version, so it is all the cache has seen.
 */
export function observedVersionOf(
  previous: PodTransitionRuleStatus | undefined,
  selected: readonly Pod[],
  cacheVersion: bigint,
): string {
  const uids = new Map(selected.map((pod) => [nameOf(pod), pod.metadata.uid]));
  const vanished = (previous?.details ?? []).some(({ name = '', uid }) => uids.get(name) !== uid);
  const versions = selected.map((pod) => pod.metadata.resourceVersion ?? '');
  if (vanished) versions.push(cacheVersion.toString());
  return versions.reduce(
    (newest, version) => (compareResourceVersions(version, newest) > 0 ? version : newest),
    previous?.observedPodResourceVersion ?? '',
  );
}
