import { isTerminating, keyOf, type Pod } from '@kuperator/api';

/**
 * A container was replaced, or a Pod was deleted. `version` orders the change among all writes of the cluster. `atMs` is the time at which
 * the observer saw it, by the same clock for all sightings of one observer.
 */
export type Touch = {
  readonly pod: string;
  readonly uid: string;
  readonly version: bigint;
  readonly atMs: number;
  readonly what: string;
};

/** The Pods that were ready behind the Service from `version` on. */
export type Traffic = { readonly version: bigint; readonly atMs: number; readonly ready: ReadonlySet<string> };

/** The Pod as it was from `version` on. If `gone` is true, it no longer existed. */
export type PodVersion = { readonly version: bigint; readonly atMs: number; readonly pod: Pod; readonly gone: boolean };

/** What the observer saw. Each list is in the order of its watch. */
export type Sighting = {
  readonly touches: readonly Touch[];
  readonly traffic: readonly Traffic[];
  readonly pods: readonly PodVersion[];
  /** Shortest time between two syncs of the proxies that send the traffic; 0: they follow the EndpointSlices at once. */
  readonly proxyPeriodMs: number;
};

/** The changes of a Pod between two of its versions. */
export function touchesOf(old: Pod, { version, atMs, pod, gone }: PodVersion): readonly Touch[] {
  const about = { pod: keyOf(pod), uid: pod.metadata.uid ?? '', version, atMs };
  const touches: Touch[] = [];
  if (images(old) !== images(pod)) touches.push({ ...about, what: `image ${images(old)} → ${images(pod)}` });
  if (containers(old) !== '' && containers(old) !== containers(pod))
    touches.push({ ...about, what: 'container replaced' });
  // A Pod without a grace period is removed at once, and is never seen terminating.
  if (!isTerminating(old) && (gone || isTerminating(pod))) touches.push({ ...about, what: 'deleted' });
  return touches;
}

function images(pod: Pod): string {
  return pod.spec.containers.map(({ image }) => image).join(' ');
}

function containers(pod: Pod): string {
  return (pod.status?.containerStatuses ?? []).map(({ containerID }) => containerID ?? '').join('');
}
