import { EMPLOYER_ADAPTER_ANNOTATION, own, SERVICES, type Service } from '@kuperator/api';
import {
  type Adapter,
  noEndpoints,
  type Refusal,
  SERVICE_EMPLOYERS,
  trafficKnownRecorder,
  trimmedMetadata,
} from '@kuperator/resourceconsist';
import { type ManagedDeps, slbBackend } from './managed.ts';
import { type ObserverDeps, slbObserver } from './observer.ts';
import { SERVERS_IN } from './places.ts';
import {
  ANNOTATIONS,
  CLOUD_ID_LABEL,
  isCloudControlled,
  LOAD_BALANCER_ID,
  MODE,
  portsOf,
  settingsOf,
} from './settings.ts';

export const ADAPTER = 'aliyun-slb-adapter';
const ENDPOINTSLICE_ADAPTER = 'endpointslice-adapter';

/** How soon to ask the cloud again while a Pod waits, in milliseconds. */
const RECHECK_MS = [500, 1000, 2000, 5000];

export type AdapterDeps = ObserverDeps & ManagedDeps;

export function slbAdapter(deps: AdapterDeps): Adapter {
  return {
    name: ADAPTER,
    employers: SERVICE_EMPLOYERS,
    claims: (service) => isBalanced(service) || isNamed(service),
    // The only adapter of the Go framework for Services of Alibaba Cloud is the one that this adapter replaces.
    takesOverFromGo: isCloudControlled,
    // It looks at the EndpointSlices, too.
    takesOverFrom: (adapter) => adapter === ENDPOINTSLICE_ADAPTER,
    refuses: refusalOf,
    recheckMs: RECHECK_MS,
    traffic: {
      observer: slbObserver(deps),
      backend: slbBackend(deps),
      movesTrafficOf: (service) => settingsOf(service).settings.managed !== undefined && deps.mayManage(service),
    },
    recordError: trafficKnownRecorder({ adapter: ADAPTER, resource: SERVICES, client: deps.client, clock: deps.clock }),
  };
}

/** Whether Alibaba Cloud balances the load of the Service, or has. Others are left to other adapters, as are those that say so. */
export function isBalanced(service: Service): boolean {
  const { labels, annotations } = service.metadata;
  // Servers that the adapter has added are its own to remove.
  if (own(annotations, SERVERS_IN) !== undefined) return true;
  if (own(annotations, MODE) === 'off') return false;
  const named = [own(labels, CLOUD_ID_LABEL), own(annotations, LOAD_BALANCER_ID)];
  return isCloudControlled(service) || named.some((name) => name !== undefined);
}

/** Whether the adapter has guarded the Service: then it has to let it go again in order. */
function isNamed({ metadata }: Service): boolean {
  return own(metadata.annotations, EMPLOYER_ADAPTER_ANNOTATION) === ADAPTER;
}

export function refusalOf(service: Service): Refusal | undefined {
  if (!isBalanced(service)) {
    return {
      reason: 'NotBalanced',
      message: 'no load balancer of Alibaba Cloud sends the Service requests any more: other adapters may guard it',
    };
  }
  return noEndpoints(service);
}

const KEPT: ReadonlySet<string> = new Set([...ANNOTATIONS, SERVERS_IN]);

/** Keeps what the adapter and the framework read. */
export function trimService(service: Service): Service {
  const { selector, type, loadBalancerClass } = service.spec;
  const ports = portsOf(service).map(({ name: portName, port, targetPort }) => ({
    ...(portName === undefined ? {} : { name: portName }),
    port,
    ...(targetPort === undefined ? {} : { targetPort }),
  }));
  const { loadBalancer, conditions } = (service.status ?? {}) as { loadBalancer?: unknown; conditions?: unknown };
  return {
    metadata: trimmedMetadata(service, { annotations: KEPT, finalizers: true }),
    spec: {
      ports,
      ...(selector ? { selector } : {}),
      ...(type ? { type } : {}),
      ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
    },
    status: { ...(loadBalancer ? { loadBalancer } : {}), ...(conditions ? { conditions } : {}) },
  };
}
