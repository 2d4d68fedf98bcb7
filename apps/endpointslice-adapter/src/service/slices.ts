import { ENDPOINT_SLICES, type EndpointSlice, type Key } from '@kuperator/api';

/** The label that names the Service of a slice. */
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
