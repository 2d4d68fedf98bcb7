// The parts of the built-in Kubernetes types that the operators read or write, in their JSON form (times are RFC 3339 strings). Other
// fields are accessible through the index signatures.

/** The metadata of any object. */
export type ObjectMeta = {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string | null;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
};

/** A reference to an object that owns this one. The one with `controller: true` manages it. */
export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** Any object of the API server. */
export type KubeObject = { apiVersion?: string; kind?: string; metadata: ObjectMeta };

/** The answer to a list request: one page of objects, and how to get the next. */
export type KubeList<T extends KubeObject> = {
  apiVersion?: string;
  kind?: string;
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: T[];
};

/** `namespace/name`, or `name` for a cluster-scoped object. Identifies an object in caches and workqueues. */
export type Key = string;

/** Status of a condition. A condition that is absent counts as Unknown. */
export type ConditionStatus = 'True' | 'False' | 'Unknown';
/** One entry of `status.conditions`. */
export type Condition = {
  type: string;
  status: ConditionStatus;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
};

/** One expression of a label selector. */
export type LabelSelectorRequirement = {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
};
/** Selects objects that meet all of its labels and expressions. An empty selector selects everything. */
export type LabelSelector = { matchLabels?: Record<string, string>; matchExpressions?: LabelSelectorRequirement[] };

/** A container of a Pod. */
export type Container = {
  name: string;
  image?: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: { name: string; mountPath: string; [field: string]: unknown }[];
  restartPolicy?: string;
  [field: string]: unknown;
};

/** A volume of a Pod. */
export type Volume = {
  name: string;
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
  [field: string]: unknown;
};

/** The spec of a Pod. */
export type PodSpec = {
  containers: Container[];
  initContainers?: Container[];
  volumes?: Volume[];
  readinessGates?: { conditionType: string }[];
  nodeName?: string;
  hostname?: string;
  terminationGracePeriodSeconds?: number;
  [field: string]: unknown;
};

/** What the kubelet reports about one container. */
export type ContainerStatus = {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  ready: boolean;
  restartCount: number;
  state?: Record<string, unknown>;
  resources?: Container['resources'];
  [field: string]: unknown;
};

type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';

/** The status of a Pod. */
export type PodStatus = {
  phase?: PodPhase;
  conditions?: Condition[];
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
  podIP?: string;
  podIPs?: { ip: string }[];
  startTime?: string;
  [field: string]: unknown;
};

/** A Pod of the core API. */
export type Pod = KubeObject & { spec: PodSpec; status?: PodStatus };
/** The metadata and spec of Pods to create. */
export type PodTemplateSpec = { metadata?: ObjectMeta; spec: PodSpec };

/** A Service of the core API. */
export type Service = KubeObject & {
  spec: {
    selector?: Record<string, string>;
    type?: string;
    publishNotReadyAddresses?: boolean;
    [field: string]: unknown;
  };
  status?: Record<string, unknown>;
};

/** One address of an EndpointSlice. If it does not say whether it is ready, it is. */
export type Endpoint = {
  addresses: string[];
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  targetRef?: { kind?: string; namespace?: string; name?: string; uid?: string };
  [field: string]: unknown;
};
/** Some of the endpoints of a Service. */
export type EndpointSlice = KubeObject & { addressType: string; endpoints: Endpoint[] | null; ports?: unknown[] };

/** A stored version of a template. */
export type ControllerRevision = KubeObject & { data: unknown; revision: number };

/** A PodTemplate of the core API. */
export type PodTemplate = KubeObject & { template: PodTemplateSpec };

type PersistentVolumeClaimSpec = {
  accessModes?: string[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  storageClassName?: string;
  volumeMode?: string;
  volumeName?: string;
  [field: string]: unknown;
};
/** A PersistentVolumeClaim of the core API. */
export type PersistentVolumeClaim = KubeObject & { spec: PersistentVolumeClaimSpec; status?: Record<string, unknown> };

/** A Lease: who holds something, and until when. */
export type Lease = KubeObject & {
  spec: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
};

/** Returns `namespace/name` of an object, or its name if it has no namespace. */
export function keyOf(object: KubeObject): Key {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name ?? ''}` : (name ?? '');
}

/** Splits a key into namespace (undefined for cluster-scoped objects) and name. */
export function splitKey(key: Key): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Returns the owner reference with `controller: true`, if there is one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** True if the object is being deleted. It exists until its finalizers are gone. */
export function isTerminating(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Returns the condition of this type, if the Pod has it. */
export function conditionOf(pod: Pod, type: string): Condition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** True if the kubelet reports the Pod as Ready: all its containers are ready and all its readiness gates are True. */
export function isReady(pod: Pod): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

/** True if the Pod has ended (phase Succeeded or Failed). */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
