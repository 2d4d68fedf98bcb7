// Decides when a Pod counts as out of traffic. This comment explains how reliable that is.
//
// The adapter removes its finalizer from a Pod when two caches agree: according to the Pod cache the Pod is not ready, and according to the
// slice cache no slice lists it as ready. The two are watched separately and their versions cannot be compared, so each may be stale. The
// following holds:
//
// 1. A stale Pod does no harm: the write requires the resourceVersion from which it was decided. If the Pod became ready again, or its gate
//    was opened, the API server refuses the write.
// 2. A slice cache that is only late is normally safe. The finalizer was added because the cache showed a slice that lists the Pod as ready.
//    Versions of a slice arrive in order, so "off" comes from a version that was written later. The EndpointSlice controller (one leader,
//    whose caches are in order too) wrote that version from a Pod that was not ready.
// 3. The EndpointSlice controller lists the Pod as ready again only after a later version of the Pod that is Ready. While the gate is closed,
//    the kubelet writes no such version. By 1, there is none between the version from which we decided and our write.
//
// The coordinator may also add the finalizer, when it closes a gate and no traffic was observed. Then no slice was seen before the finalizer.
// The coordinator adds it only after gate and readiness have not changed for seconds, so the cached slices are not older than that change.
//
// These cases remain: a Pod that flaps (not ready, ready, not ready) faster than one of the watches delivers, so that "off" belongs to the
// first time; a replica that took over a Service while its slice watch is later than that of its predecessor; a newly elected EndpointSlice
// controller that starts from an old list. In each case the EndpointSlice controller will still see the last change of the Pod, and then removes
// the endpoint again at once. Until then a Pod can be listed after we released it. A read from the API server would not prevent this, because
// the slice can be written right after the response.
//
// Proxies follow the slices with a further delay. So "off" and "on" count only after they have lasted for a hold without interruption
// (docs/decisions/0030-traffic-counts-after-a-hold.md). `turnedBy` starts the hold at the change of the slice, not in the pass that
// follows, and restarts it for a Pod whose traffic came and went between two passes.
//
// A Pod in no slice at all counts as off, not as unknown: the EndpointSlice controller omits Pods of deleted nodes, finished Pods and Pods
// without an address, and no slice will ever list them.

import { ENDPOINT_SLICES, type EndpointSlice, type Key } from '@kuperator/api';
import type { Change } from '@kuperator/runtime';
import type { TrafficOf } from './adapter.ts';

/** The label that names the Service of a slice. */
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
/** Index of {@link sliceOptions}: the slices of a Service, by the key of the Service. */
export const BY_SERVICE = 'service';

/** Options of the informer over all EndpointSlices of Services, found by the key of the Service. */
export const sliceOptions = {
  resource: ENDPOINT_SLICES,
  labelSelector: SERVICE_NAME_LABEL,
  trim: trimSlice,
  indexes: { [BY_SERVICE]: (slice: EndpointSlice) => [serviceOf(slice)] },
};

/** Key of the Service that a slice belongs to, `<namespace>/<name>`. */
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

/** The Pods whose traffic has changed by the change of one slice, given all present slices of its Service. */
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

/** The traffic of each Pod from all slices of its Service, whatever their address family and creator. */
export function trafficIn(slices: readonly EndpointSlice[]): TrafficOf {
  const ready = new Set(slices.flatMap(readyPodsOf));
  return (pod) => (pod.metadata.uid !== undefined && ready.has(pod.metadata.uid) ? 'on' : 'off');
}

/**
 * The uids of the Pods to which a slice sends traffic. It uses the uid, because a new Pod may have the same name, and even the same address.
 * An endpoint without a ready condition counts as ready.
 * @see Kubernetes API reference, EndpointConditions.ready
 */
export function readyPodsOf(slice: EndpointSlice): readonly string[] {
  return (slice.endpoints ?? []).flatMap(({ conditions, targetRef }) =>
    conditions?.ready !== false && targetRef?.uid !== undefined ? [targetRef.uid] : [],
  );
}
