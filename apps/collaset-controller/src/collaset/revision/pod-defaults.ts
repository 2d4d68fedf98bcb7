// The defaults that the API server fills in for Pods and claims: pkg/apis/core/v1/defaults.go and zz_generated.defaults.go of Kubernetes
// 1.36. An integration test compares them with the answers of an API server.
import { own } from '@kuperator/api';

export type Fields = Record<string, unknown>;

const probed = { path: '/', scheme: 'HTTP' };
const container = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };
const withMode = { defaultMode: 0o644 };

/** The constant defaults, by the name of the Go type. */
const DEFAULTS: Readonly<Record<string, Readonly<Fields>>> = {
  AzureDiskVolumeSource: { cachingMode: 'ReadWrite', fsType: 'ext4', kind: 'Shared', readOnly: false },
  ConfigMapVolumeSource: withMode,
  Container: container,
  ContainerPort: { protocol: 'TCP' },
  DownwardAPIVolumeSource: withMode,
  EphemeralContainer: container,
  FileKeySelector: { optional: false },
  GRPCAction: { service: '' },
  HTTPGetAction: probed,
  HostPathVolumeSource: { type: '' },
  ISCSIVolumeSource: { iscsiInterface: 'default' },
  ObjectFieldSelector: { apiVersion: 'v1' },
  PersistentVolumeClaim: { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  PersistentVolumeClaimSpec: { volumeMode: 'Filesystem' },
  PersistentVolumeClaimStatus: { phase: 'Pending' },
  PodSpec: {
    dnsPolicy: 'ClusterFirst',
    enableServiceLinks: true,
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
  },
  Probe: { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 },
  ProjectedVolumeSource: withMode,
  RBDVolumeSource: { keyring: '/etc/ceph/keyring', pool: 'rbd', user: 'admin' },
  ScaleIOVolumeSource: { fsType: 'xfs', storageMode: 'ThinProvisioned' },
  SecretVolumeSource: withMode,
  ServiceAccountTokenProjection: { expirationSeconds: 3600 },
};

/**
 * Removes the fields of `object` that equal their default.
 * @param object an object of the Go type `type` without empty fields. The function changes it.
 */
export function dropDefaults(object: Fields, type: string): void {
  for (const [field, value] of Object.entries(own(DEFAULTS, type) ?? {}))
    if (own(object, field) === value) delete object[field];
  switch (type) {
    case 'PodSpec':
      dropSpecDefaults(object);
      break;
    case 'Container':
      dropRequestsEqualToLimits(object);
      if (object.imagePullPolicy === defaultPullPolicy(object.image)) delete object.imagePullPolicy;
      break;
    case 'ImageVolumeSource':
      if (object.pullPolicy === defaultPullPolicy(object.reference)) delete object.pullPolicy;
      break;
    case 'Volume':
      // A volume without a source is an emptyDir.
      if (isEmpty(object.emptyDir) && Object.keys(object).every((field) => field === 'name' || field === 'emptyDir')) {
        delete object.emptyDir;
      }
  }
}

function dropSpecDefaults(spec: Fields): void {
  if (isEmpty(spec.securityContext)) delete spec.securityContext;
  // serviceAccount is a deprecated alias of serviceAccountName, which takes precedence.
  if (spec.serviceAccount !== undefined) spec.serviceAccountName ??= spec.serviceAccount;
  delete spec.serviceAccount;
  if (spec.hostNetwork !== true) return;
  for (const { ports } of [...listOf(spec.containers), ...listOf(spec.initContainers)]) {
    for (const port of listOf(ports)) if (port.hostPort === port.containerPort) delete port.hostPort;
  }
}

function dropRequestsEqualToLimits(container: Fields): void {
  const resources = container.resources as { requests?: Fields; limits?: Fields } | undefined;
  if (!resources?.requests || !resources.limits) return;
  for (const [name, amount] of Object.entries(resources.limits)) {
    if (own(resources.requests, name) === amount) delete resources.requests[name];
  }
  if (Object.keys(resources.requests).length === 0) delete resources.requests;
}

const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const IMAGE = new RegExp(
  `^(?:[A-Za-z0-9.-]+(?::\\d+)?/)?${PART}(?:/${PART})*(?::(?<tag>\\w[\\w.-]{0,127}))?(?<digest>@[a-z0-9+.-]+:[0-9a-f]{32,})?$`,
);
/** An image that looks like an image id. The API server does not accept it as a name. */
const ID = /^[0-9a-f]{64}$/;

/** `Always` for the tag `latest`, or without tag and digest; `IfNotPresent` otherwise. Undefined if the image cannot be parsed. */
export function defaultPullPolicy(image: unknown): 'Always' | 'IfNotPresent' | undefined {
  const match = typeof image === 'string' && !ID.test(image) ? IMAGE.exec(image) : null;
  if (!match) return undefined;
  const { tag, digest } = match.groups ?? {};
  return tag === 'latest' || (tag === undefined && digest === undefined) ? 'Always' : 'IfNotPresent';
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}
