import { Type } from 'typebox';
import {
  COLLASET_SPEC_RULES,
  NAME_LEAVES_ROOM_FOR_IDS,
  NAME_MAKES_HOSTNAMES,
  SCALE_STRATEGY_RULES,
} from './collaset-rules.ts';
import type { Condition, KubeObject, PodTemplateSpec } from './core.ts';
import { AGE, type KindDeclaration, type PrinterColumn } from './kind.ts';
import { claimTemplate } from './persistent-volume-claim.ts';
import {
  boolean,
  fields,
  int32,
  int64,
  listOf,
  oneOf,
  openObject,
  optional,
  string,
  stringMap,
  time,
} from './schema.ts';
import { LABEL_VALUE, labelSelector } from './selector-schema.ts';

/** How a changed template reaches existing Pods. */
export const POD_UPGRADE_POLICIES = ['Recreate', 'InPlaceIfPossible', 'InPlaceOnly', 'Replace'] as const;
export type PodUpgradePolicy = (typeof POD_UPGRADE_POLICIES)[number];

/** How Pods are named: `<set>-<id>`, or with a random suffix. */
export const POD_NAMING_SUFFIX_POLICIES = ['PersistentSequence', 'Random'] as const;
export type PodNamingSuffixPolicy = (typeof POD_NAMING_SUFFIX_POLICIES)[number];

// Go clients send '' for some unset strings: it is taken as the default, not refused.
const updateStrategy = fields(
  {
    podUpgradePolicy: optional(
      oneOf(['', ...POD_UPGRADE_POLICIES], {
        default: 'InPlaceIfPossible',
        description:
          'How a changed template reaches existing Pods. Where a change cannot be made in place, InPlaceIfPossible and InPlaceOnly recreate the Pod.',
      }),
    ),
    operationDelaySeconds: optional(
      int32({ minimum: 0, description: 'Seconds between the permission to update a Pod and the update.' }),
    ),
    rollingUpdate: optional(
      fields(
        {
          byPartition: optional(
            fields({
              partition: optional(int32({ minimum: 0, description: 'Number of Pods to keep at their old revision.' })),
            }),
          ),
          byLabel: optional(
            fields(
              {},
              {
                description:
                  'Update only Pods labelled collaset.kusionstack.io/update-included; byPartition then has no say.',
              },
            ),
          ),
        },
        { default: { byPartition: {} } },
      ),
    ),
  },
  { default: {} },
);

// The rules compare lists in pairs: the API server allows about a million comparisons a pair, so 990 Pods in each of two lists, or
// 3000 against 300.
const podNames = (description: string) =>
  optional(listOf(string({ maxLength: 253 }), { maxItems: 3000, 'x-kubernetes-list-type': 'atomic', description }));
const retention = (description: string) => optional(oneOf(['', 'Delete', 'Retain'], { description }));

const scaleStrategy = fields(
  {
    context: optional(
      string({
        maxLength: 253,
        description:
          "Pool of instance ids (a ResourceContext), shared by the sets that name it; the set's own when empty. Immutable.",
      }),
    ),
    podToDelete: podNames('Pods to delete; they are replaced unless replicas shrinks too.'),
    podToInclude: podNames('Pods of nobody that the set shall take over.'),
    podToExclude: podNames('Pods that the set shall release and leave running.'),
    operationDelaySeconds: optional(
      int32({ minimum: 0, description: 'Seconds between the permission to scale in a Pod and its deletion.' }),
    ),
    persistentVolumeClaimRetentionPolicy: optional(
      fields({
        whenDeleted: retention('What becomes of the claims when the set is deleted; empty is Delete.'),
        whenScaled: retention('What becomes of the claims of a Pod that is scaled in; empty is Delete.'),
      }),
    ),
  },
  { rules: SCALE_STRATEGY_RULES },
);

// Kept as written, whatever Kubernetes version it is for. Only what our rules read is named.
const template = Type.Unsafe<PodTemplateSpec>(
  openObject(
    { metadata: openObject({ labels: stringMap({}, LABEL_VALUE) }) },
    { description: 'Template of the Pods, as in a Deployment.' },
  ),
);

const spec = fields(
  {
    paused: optional(
      boolean({ description: 'Keeps Pods as they are: none is created, updated, replaced or deleted.' }),
    ),
    replicas: optional(int32({ minimum: 0, description: 'Wanted number of Pods; unset is 0.' })),
    selector: labelSelector({ description: 'Selects the Pods of the set; must match the labels of the template.' }),
    template,
    volumeClaimTemplates: optional(
      listOf(claimTemplate, {
        'x-kubernetes-list-type': 'atomic',
        description: 'Claims each Pod gets, mounted by the name of the claim template.',
      }),
    ),
    updateStrategy: optional(updateStrategy),
    scaleStrategy: optional(scaleStrategy),
    namingStrategy: optional(
      fields({
        podNamingSuffixPolicy: optional(
          oneOf(['', ...POD_NAMING_SUFFIX_POLICIES], {
            default: 'Random',
            description:
              'PersistentSequence names Pods <set>-<instance id>; Random gives them a random suffix. Immutable.',
          }),
        ),
      }),
    ),
    historyLimit: optional(int32({ description: 'Number of unused revisions to keep; unset is 20.' })),
    minReadySeconds: optional(
      int32({ minimum: 0, description: 'Seconds a Pod must be ready for to count as available; unset is 0.' }),
    ),
    progressDeadlineSeconds: optional(
      int32({
        minimum: 0,
        description: 'Seconds without progress after which the set is reported as stalled; unset is 600.',
      }),
    ),
  },
  { rules: COLLASET_SPEC_RULES },
);

// The Go API requires no field of a condition.
const condition = Type.Unsafe<Condition>(
  fields({
    type: optional(string()),
    status: optional(string()),
    reason: optional(string()),
    message: optional(string()),
    lastTransitionTime: optional(time()),
    observedGeneration: optional(int64()),
  }),
);

const count = () => optional(int32());
const status = fields({
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
  selector: optional(string({ description: 'spec.selector as a string, for the scale subresource.' })),
  conditions: optional(listOf(condition, { 'x-kubernetes-list-type': 'atomic' })),
});

export type CollaSetSpec = Type.Static<typeof spec>;
export type CollaSetStatus = Type.Static<typeof status>;
export type CollaSet = KubeObject & { spec: CollaSetSpec; status?: CollaSetStatus };

const counted = (name: string, jsonPath: string): PrinterColumn => ({ name, type: 'integer', jsonPath });

export const collaSetKind: KindDeclaration = {
  kind: 'CollaSet',
  plural: 'collasets',
  shortNames: ['cls'],
  description: 'Keeps a number of alike Pods at the revision of its template, in step with their PodOpsLifecycle.',
  spec,
  specRequired: true,
  status,
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
  columns: [
    counted('DESIRED', '.spec.replicas'),
    counted('CURRENT', '.status.replicas'),
    counted('AVAILABLE', '.status.availableReplicas'),
    counted('UPDATED', '.status.updatedReplicas'),
    counted('UPDATED_READY', '.status.updatedReadyReplicas'),
    counted('UPDATED_AVAILABLE', '.status.updatedAvailableReplicas'),
    { name: 'CURRENT_REVISION', type: 'string', jsonPath: '.status.currentRevision' },
    { name: 'UPDATED_REVISION', type: 'string', jsonPath: '.status.updatedRevision' },
    AGE,
  ],
  rules: [NAME_LEAVES_ROOM_FOR_IDS, NAME_MAKES_HOSTNAMES],
};
