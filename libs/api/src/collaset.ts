import { Type } from 'typebox';
import type { KubeObject, PodTemplateSpec } from './core.ts';
import { claimTemplate } from './persistent-volume-claim.ts';
import {
  boolean,
  condition,
  fields,
  int32,
  int64,
  labelSelector,
  labelValue,
  listOf,
  oneOf,
  openObject,
  optional,
  type Static,
  string,
  stringMap,
} from './schema.ts';

/** How a changed template reaches existing Pods. */
export const POD_UPGRADE_POLICIES = ['Recreate', 'InPlaceIfPossible', 'InPlaceOnly', 'Replace'] as const;
export type PodUpgradePolicy = (typeof POD_UPGRADE_POLICIES)[number];

/** How Pods are named: `<set>-<id>`, or with a random suffix. */
export const POD_NAMING_SUFFIX_POLICIES = ['PersistentSequence', 'Random'] as const;
export type PodNamingSuffixPolicy = (typeof POD_NAMING_SUFFIX_POLICIES)[number];

// The Go API sends empty strings for unset ones of these: '' must be taken as the default, not refused.
const updateStrategy = fields(
  {
    podUpgradePolicy: optional(oneOf(['', ...POD_UPGRADE_POLICIES], { default: 'InPlaceIfPossible' })),
    operationDelaySeconds: optional(int32({ minimum: 0 })),
    rollingUpdate: optional(
      fields(
        {
          byPartition: optional(fields({ partition: optional(int32({ minimum: 0 })) })),
          byLabel: optional(fields({})),
        },
        { default: { byPartition: {} } },
      ),
    ),
  },
  { default: {} },
);

const podNames = () => listOf(string({ maxLength: 253 }), { maxItems: 3000, 'x-kubernetes-list-type': 'atomic' });
const retention = () => optional(oneOf(['', 'Delete', 'Retain']));

const scaleStrategy = fields({
  context: optional(string({ maxLength: 253 })),
  podToDelete: optional(podNames()),
  podToInclude: optional(podNames()),
  podToExclude: optional(podNames()),
  operationDelaySeconds: optional(int32({ minimum: 0 })),
  persistentVolumeClaimRetentionPolicy: optional(fields({ whenDeleted: retention(), whenScaled: retention() })),
});

const template = Type.Unsafe<PodTemplateSpec>(
  openObject({ metadata: openObject({ labels: stringMap({}, labelValue) }) }),
);

export const collaSetSpec = fields({
  paused: optional(boolean()),
  replicas: optional(int32({ minimum: 0 })),
  selector: labelSelector(),
  template,
  volumeClaimTemplates: optional(listOf(claimTemplate(), { 'x-kubernetes-list-type': 'atomic' })),
  updateStrategy: optional(updateStrategy),
  scaleStrategy: optional(scaleStrategy),
  namingStrategy: optional(
    fields({ podNamingSuffixPolicy: optional(oneOf(['', ...POD_NAMING_SUFFIX_POLICIES], { default: 'Random' })) }),
  ),
  historyLimit: optional(int32({ minimum: 0 })),
  minReadySeconds: optional(int32({ minimum: 0 })),
  progressDeadlineSeconds: optional(int32({ minimum: 0 })),
});

const count = () => optional(int32());
export const collaSetStatus = fields({
  observedGeneration: optional(int64()),
  replicas: count(),
  scheduledReplicas: count(),
  readyReplicas: count(),
  availableReplicas: count(),
  updatedReplicas: count(),
  updatedReadyReplicas: count(),
  updatedAvailableReplicas: count(),
  operatingReplicas: count(),
  terminatingReplicas: count(),
  currentRevision: optional(string()),
  updatedRevision: optional(string()),
  collisionCount: count(),
  selector: optional(string()),
  conditions: optional(listOf(condition(), { 'x-kubernetes-list-type': 'atomic' })),
});

export type CollaSetSpec = Static<typeof collaSetSpec>;
export type CollaSetStatus = Static<typeof collaSetStatus>;
export type CollaSet = KubeObject & { spec: CollaSetSpec; status?: CollaSetStatus };
