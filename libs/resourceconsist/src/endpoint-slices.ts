// When a Pod counts as out of traffic, and how far that can be relied on.
//
// The adapter takes its finalizer off a Pod when two caches agree: the Pod's says "not ready", the EndpointSlices' say
// "no slice lists it as ready". The two are watched separately and their versions cannot be compared, so each may be behind. The following
// holds:
//
// 1. A stale Pod cannot mislead: the write carries the resourceVersion decided on, so a Pod that became ready again, or whose
//    gate was opened, refuses it.
// 2. A slice cache that is only behind errs to the safe side in the normal course. The finalizer went on because a slice was
//    seen that lists the Pod as ready; versions of a slice are seen in order; so "off" is read from a version written later.
//    The EndpointSlice controller (one leader, its own caches in order too) wrote that one from a Pod that was not ready.
// 3. It lists the Pod as ready again only after a later version of the Pod that is Ready. With the gate closed the kubelet
//    makes none; by 1 there is none between the version we decided on and our write.
//
// A finalizer put on by the coordinator (when it closes a gate behind which no traffic had been observed) has no slice seen before it. It is
// put on only after gate and readiness have rested for seconds, so the slices seen are not of before.
//
// What is left: a Pod that flaps (not ready, ready, not ready) faster than one of the watches moves, so that "off" belongs to
// the first time; a replica that took a Service over while its slice watch is further behind than that of its predecessor;
// a newly elected EndpointSlice controller that starts from an old list. In each the controller still has the last
// change of the Pod before it and takes the endpoint out again at once; a Pod can be listed for that moment after
// we let go. Asking the API server instead of the cache would not close this: the slice can be written just after the answer.
//
// Proxies follow the slices later still. So "off" and "on" count only after they have been seen without a break for a hold
// (docs/decisions/0030-traffic-counts-after-a-hold.md). `turnedBy` begins it with the slice's change, not with the pass
// that follows, and starts it again for a Pod whose traffic came and went between two passes.
//
// A Pod that is in no slice at all counts as off, not as unknown: the controller leaves out Pods of deleted nodes, finished
// ones and those without an address, and no slice will ever list them.

import { ENDPOINT_SLICES, type EndpointSlice, type Key } from '@kuperator/api';
import type { Change } from '@kuperator/runtime';
import type { TrafficOf } from './adapter.ts';

/** Names the Service that a slice belongs to. */
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const BY_SERVICE = 'service';

/** Options of the informer over all EndpointSlices of Services, found by the key of the Service. */
export const sliceOptions = {
  resource: ENDPOINT_SLICES,
  labelSelector: SERVICE_NAME_LABEL,
  trim: trimSlice,
  indexes: { [BY_SERVICE]: (slice: EndpointSlice) => [serviceOf(slice)] },
};

export function serviceOf(slice: EndpointSlice): Key {
  return `${slice.metadata.namespace ?? ''}/${slice.metadata.labels?.[SERVICE_NAME_LABEL] ?? ''}`;
}

/** Keeps the Pods that a slice lists and whether they are ready. Addresses, zones and hints are most of a slice. */
export function trimSlice(slice: EndpointSlice): EndpointSlice {
  const { name = '', namespace = '', uid = '', resourceVersion = '', labels } = slice.metadata;
  const service = labels?.[SERVICE_NAME_LABEL] ?? '';
  return {
    metadata: { name, namespace, uid, resourceVersion, labels: { [SERVICE_NAME_LABEL]: service } },
    addressType: slice.addressType,
    endpoints: (slice.endpoints ?? []).map(({ conditions, targetRef }) => ({
      addresses: [],
      ...(conditions?.ready === undefined ? {} : { conditions: { ready: conditions.ready } }),
      ...(targetRef?.uid === undefined ? {} : { targetRef: { uid: targetRef.uid } }),
    })),
  };
}

/** Pods whose traffic a change of one slice has turned, as all slices of its Service stand now. */
export function turnedBy(
  { type, object, old }: Change<EndpointSlice>,
  slicesOfService: () => readonly EndpointSlice[],
): readonly (readonly [uid: string, traffic: 'on' | 'off'])[] {
  const before = new Set(
    (type === 'deleted' ? [object, ...(old ? [old] : [])] : old ? [old] : []).flatMap(readyPodsOf),
  );
  const after = new Set(type === 'deleted' ? [] : readyPodsOf(object));
  const turned = before.symmetricDifference(after);
  if (turned.size === 0) return [];
  const ready = new Set(slicesOfService().flatMap(readyPodsOf));
  return [...turned].map((uid) => [uid, ready.has(uid) ? 'on' : 'off'] as const);
}

/** Traffic of each Pod from all slices of its Service, of any address family and maker. */
export function trafficIn(slices: readonly EndpointSlice[]): TrafficOf {
  const ready = new Set(slices.flatMap(readyPodsOf));
  return (pod) => (pod.metadata.uid !== undefined && ready.has(pod.metadata.uid) ? 'on' : 'off');
}

/**
 * uids of the Pods a slice sends traffic to. By uid, because a new Pod may have the same name, and even the same address.
 * An endpoint that does not say counts as ready.
 * @see Kubernetes API reference, EndpointConditions.ready
 */
export function readyPodsOf(slice: EndpointSlice): readonly string[] {
  return (slice.endpoints ?? []).flatMap(({ conditions, targetRef }) =>
    conditions?.ready !== false && targetRef?.uid !== undefined ? [targetRef.uid] : [],
  );
}
