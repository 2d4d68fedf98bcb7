// core/v1 PersistentVolumeClaim as CollaSet embeds it (spec.volumeClaimTemplates), complete as of Kubernetes 1.36.
import { Type } from 'typebox';
import type { PersistentVolumeClaim } from './core.ts';
import { fields, labelSelector, listOf, optional, quantities, string, stringMap, time } from './schema.ts';

const atomicStrings = () => listOf(string(), { 'x-kubernetes-list-type': 'atomic' });

const claimSpec = fields({
  accessModes: optional(atomicStrings()),
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

const claimStatus = fields({
  accessModes: optional(atomicStrings()),
  allocatedResourceStatuses: optional(stringMap({ 'x-kubernetes-map-type': 'granular' })),
  allocatedResources: optional(quantities()),
  capacity: optional(quantities()),
  conditions: optional(
    listOf(
      fields({
        lastProbeTime: optional(time()),
        lastTransitionTime: optional(time()),
        message: optional(string()),
        reason: optional(string()),
        status: string(),
        type: string(),
      }),
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
    ),
  ),
  currentVolumeAttributesClassName: optional(string()),
  modifyVolumeStatus: optional(fields({ status: string(), targetVolumeAttributesClassName: optional(string()) })),
  phase: optional(string()),
});

/** Only what a template may say of the claim's metadata; the API server prunes the rest (such as a null creationTimestamp). */
const claimMetadata = fields({
  annotations: optional(stringMap()),
  finalizers: optional(listOf(string())),
  labels: optional(stringMap()),
  name: optional(string()),
  namespace: optional(string()),
});

export const claimTemplate = () =>
  Type.Unsafe<PersistentVolumeClaim>(
    fields({
      apiVersion: optional(string()),
      kind: optional(string()),
      metadata: optional(claimMetadata),
      spec: optional(claimSpec),
      status: optional(claimStatus),
    }),
  );
