// Why verdicts hold although caches lag: docs/decisions/0005-verdicts-under-a-stale-cache.md.

import type { Pod, PodTransitionRuleStatus } from '@kuperator/api';
import { compareResourceVersions } from '@kuperator/runtime';
import { nameOf } from './selection.ts';

/** True if the Pod cache is older than the Pods the last verdicts were computed from: a verdict from it could contradict them. */
export function isBehind(cacheVersion: bigint, status: PodTransitionRuleStatus | undefined): boolean {
  return compareResourceVersions(cacheVersion.toString(), status?.observedPodResourceVersion) < 0;
}

/**
 * The Pod version that verdicts over `selected` depend on: the next evaluation must have seen at least this version. It is that of the
 * newest Pod. If a Pod with a verdict is gone, its deletion has no such version, so it is the newest version in the cache.
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
