import { isTerminating, keyOf, type Pod } from '@kuperator/api';

/**
 * A container was replaced, or a Pod was told to die. `version` orders it among all writes of the cluster; `atMs` is when news of it
 * came, by a clock that all sightings of one observer share.
 */
export type Touch = {
  readonly pod: string;
  readonly uid: string;
  readonly version: bigint;
  readonly atMs: number;
  readonly what: string;
};

/** Who was ready behind the Service from `version` on. */
export type Traffic = { readonly version: bigint; readonly atMs: number; readonly ready: ReadonlySet<string> };

/** The Pod as it was from `version` on; `gone`: it was no more. */
export type PodVersion = { readonly version: bigint; readonly atMs: number; readonly pod: Pod; readonly gone: boolean };

/** What was seen, each list in the order of its watch. */
export type Sighting = {
  readonly touches: readonly Touch[];
  readonly traffic: readonly Traffic[];
  readonly pods: readonly PodVersion[];
  /** Least time between two syncs of the proxies that send the traffic; 0: they follow the slices at once. */
  readonly proxyPeriodMs: number;
};

/** What was done to a Pod between two of its versions. */
export function touchesOf(old: Pod, { version, atMs, pod, gone }: PodVersion): readonly Touch[] {
  const about = { pod: keyOf(pod), uid: pod.metadata.uid ?? '', version, atMs };
  const touches: Touch[] = [];
  if (images(old) !== images(pod)) touches.push({ ...about, what: `image ${images(old)} → ${images(pod)}` });
  if (containers(old) !== '' && containers(old) !== containers(pod))
    touches.push({ ...about, what: 'container replaced' });
  // A Pod without a grace period goes at once, and is never seen terminating.
  if (!isTerminating(old) && (gone || isTerminating(pod))) touches.push({ ...about, what: 'deleted' });
  return touches;
}

function images(pod: Pod): string {
  return pod.spec.containers.map(({ image }) => image).join(' ');
}

function containers(pod: Pod): string {
  return (pod.status?.containerStatuses ?? []).map(({ containerID }) => containerID ?? '').join('');
}
