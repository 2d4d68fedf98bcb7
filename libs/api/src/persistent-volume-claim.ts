// core/v1 PersistentVolumeClaim as CollaSet embeds it (spec.volumeClaimTemplates), complete as of Kubernetes 1.36.
import { Type } from 'typebox';
import type { PersistentVolumeClaim } from './core.ts';
import { fields, listByKey, listOf, optional, quantities, string, stringMap, time } from './schema.ts';
import { labelSelector } from './selector-schema.ts';

const accessModes = () => optional(listOf(string(), { 'x-kubernetes-list-type': 'atomic' }));

const claimSpec = fields({
  accessModes: accessModes(),
  dataSource: optional(
    fields({ apiGroup: optional(string()), kind: string(), name: string() }, { 'x-kubernetes-map-type': 'atomic' }),
  ),
  dataSourceRef: optional(
    fields({ apiGroup: optional(string()), kind: string(), name: string(), namespace: optional(string()) }),
  ),
  resources: optional(fields({ limits: optional(quantities()), requests: optional(quantities()) })),
  selector: optional(labelSelector()),
  storageClassName: optional(string()),
  volumeAttributesClassName: optional(string()),
  volumeMode: optional(string()),
  volumeName: optional(string()),
});

const claimCondition = fields({
  lastProbeTime: optional(time()),
  lastTransitionTime: optional(time()),
  message: optional(string()),
  reason: optional(string()),
  status: string(),
  type: string(),
});

const claimStatus = fields({
  accessModes: accessModes(),
  allocatedResourceStatuses: optional(stringMap({ 'x-kubernetes-map-type': 'granular' })),
  allocatedResources: optional(quantities()),
  capacity: optional(quantities()),
  conditions: optional(listByKey('type', claimCondition)),
  currentVolumeAttributesClassName: optional(string()),
  modifyVolumeStatus: optional(fields({ status: string(), targetVolumeAttributesClassName: optional(string()) })),
  phase: optional(string()),
});

/** Only what a template may say of the claim; the API server drops the rest (such as a null creationTimestamp). */
const claimMetadata = fields({
  annotations: optional(stringMap()),
  finalizers: optional(listOf(string())),
  labels: optional(stringMap()),
  name: string({
    maxLength: 63,
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    description: 'Name of the volume in the Pod, so that containers can mount it.',
  }),
  namespace: optional(string()),
});

/** One entry of spec.volumeClaimTemplates. */
export const claimTemplate = Type.Unsafe<PersistentVolumeClaim>(
  fields({
    apiVersion: optional(string()),
    kind: optional(string()),
    metadata: claimMetadata,
    spec: optional(claimSpec),
    status: optional(claimStatus),
  }),
);
