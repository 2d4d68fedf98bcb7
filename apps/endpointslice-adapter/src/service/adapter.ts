import type { EndpointSlice, Key, Service } from '@kuperator/api';
import { keyOf } from '@kuperator/api';
import {
  type Adapter,
  noEndpoints,
  type Refusal,
  SERVICE_EMPLOYERS,
  trafficIn,
  trimmedMetadata,
} from '@kuperator/resourceconsist';

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
export function refusalOf(service: Service): Refusal | undefined {
  if (service.spec.publishNotReadyAddresses) {
    return {
      reason: 'TrafficNotGated',
      message:
        'publishNotReadyAddresses sends traffic to Pods that are not ready: operations on them do not wait for it',
    };
  }
  return noEndpoints(service);
}

/** Keeps what decides which Pods the Service selects, whether it takes part, and which adapter guards it. */
export function trimService(service: Service): Service {
  const { selector, type, publishNotReadyAddresses } = service.spec;
  return {
    metadata: trimmedMetadata(service),
    spec: {
      ...(selector ? { selector } : {}),
      ...(type ? { type } : {}),
      ...(publishNotReadyAddresses ? { publishNotReadyAddresses } : {}),
    },
  };
}
