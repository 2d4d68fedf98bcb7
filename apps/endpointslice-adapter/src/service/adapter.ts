import type { EndpointSlice, Key, Service } from '@kuperator/api';
import { keyOf, TRAFFIC_OFF_HOLD_ANNOTATION, TRAFFIC_ON_HOLD_ANNOTATION } from '@kuperator/api';
import { type Adapter, ownershipOf, type Refusal, SERVICE_EMPLOYERS, trafficIn } from '@kuperator/resourceconsist';

const HOLD_ANNOTATIONS: ReadonlySet<string> = new Set([TRAFFIC_OFF_HOLD_ANNOTATION, TRAFFIC_ON_HOLD_ANNOTATION]);

/** The adapter for in-cluster Services: kube-controller-manager moves the traffic, and the adapter observes whether it has moved. */
export function endpointSliceAdapter(slicesOf: (service: Key) => readonly EndpointSlice[]): Adapter {
  return {
    name: 'endpointslice-adapter',
    employers: SERVICE_EMPLOYERS,
    refuses: refusalOf,
    traffic: { observe: (service) => trafficIn(slicesOf(keyOf(service))) },
  };
}

/** Services whose EndpointSlices do not follow the readiness of their Pods. */
export function refusalOf({ spec }: Service): Refusal | undefined {
  if (spec.publishNotReadyAddresses) {
    return {
      reason: 'TrafficNotGated',
      message:
        'publishNotReadyAddresses sends traffic to Pods that are not ready: operations on them do not wait for it',
    };
  }
  if (spec.type === 'ExternalName' || Object.keys(spec.selector ?? {}).length === 0) {
    return {
      reason: 'NoEndpoints',
      message: `a Service ${spec.type === 'ExternalName' ? 'of type ExternalName' : 'without selector'} has no Pods: label kusionstack.io/control has no effect`,
    };
  }
  return undefined;
}

/** Keeps what decides which Pods the Service selects, whether it takes part, and which adapter guards it. */
export function trimService(service: Service): Service {
  const { name = '', namespace = '', uid = '', resourceVersion = '', labels, deletionTimestamp } = service.metadata;
  const { annotations: owned, ...ownership } = ownershipOf(service);
  const holds = Object.entries(service.metadata.annotations ?? {}).filter(([key]) => HOLD_ANNOTATIONS.has(key));
  const annotations = { ...owned, ...Object.fromEntries(holds) };
  const { selector, type, publishNotReadyAddresses } = service.spec;
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      ...(labels ? { labels } : {}),
      ...ownership,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...(deletionTimestamp ? { deletionTimestamp } : {}),
    },
    spec: {
      ...(selector ? { selector } : {}),
      ...(type ? { type } : {}),
      ...(publishNotReadyAddresses ? { publishNotReadyAddresses } : {}),
    },
  };
}
