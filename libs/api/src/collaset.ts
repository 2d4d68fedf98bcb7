import { Type } from 'typebox';
import {
  COLLASET_SPEC_RULES,
  DEFAULT_REPLICAS,
  MAX_HISTORY,
  MAX_REPLICAS,
  NAME_LEAVES_ROOM_FOR_IDS,
  NAME_MAKES_HOSTNAMES,
  NO_ACTIVE_DEADLINE,
  SCALE_STRATEGY_RULES,
  SELECTOR_IS_NOT_EMPTY,
} from './collaset-rules.ts';
import type { Condition, KubeObject, PodTemplateSpec } from './core.ts';
import { AGE, counted, type KindDeclaration, text, wide } from './kind.ts';
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
const POD_UPGRADE_POLICIES = ['Recreate', 'InPlaceIfPossible', 'InPlaceOnly', 'Replace'] as const;
export type PodUpgradePolicy = (typeof POD_UPGRADE_POLICIES)[number];

/** No node attaches more volumes to a Pod, whatever the driver. */
const MAX_CLAIM_TEMPLATES = 256;

/** How Pods are named: `<set>-<id>`, or with a random suffix. */
const POD_NAMING_SUFFIX_POLICIES = ['PersistentSequence', 'Random'] as const;
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
              partition: optional(int32({ minimum: 0, description: 'Number of Pods that keep their old revision.' })),
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

// The rules compare lists in pairs. The API server allows about a million comparisons for each pair: 990 Pods in each of two lists, or
// 3000 Pods in one and 300 in the other.
const podNames = (description: string) =>
  optional(listOf(string({ maxLength: 253 }), { maxItems: 3000, 'x-kubernetes-list-type': 'atomic', description }));
// Go clients send '' for what is unset.
const OBJECT_NAME_OR_EMPTY = '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$';
const retention = (description: string) => optional(oneOf(['', 'Delete', 'Retain'], { description }));

const scaleStrategy = fields(
  {
    context: optional(
      string({
        maxLength: 253,
        pattern: OBJECT_NAME_OR_EMPTY,
        description:
          'Pool of instance ids (a ResourceContext), shared by all sets that name it. If empty, the set has its own pool. Immutable.',
      }),
    ),
    podToDelete: podNames('Pods to delete. The set recreates them unless replicas is lowered as well.'),
    podToInclude: podNames('Pods without an owner that the set adopts.'),
    podToExclude: podNames('Pods that the set releases and leaves running.'),
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

// A CollaSet replaces Pods that end, so it refuses a template whose Pods end by themselves, as a Deployment does.
const podSpec = openObject({
  restartPolicy: optional(oneOf(['', 'Always'])),
  activeDeadlineSeconds: optional(int64({ 'x-kubernetes-validations': [NO_ACTIVE_DEADLINE] })),
});

// The template is stored as written, for any Kubernetes version. The schema names only the fields that our rules read.
const template = Type.Unsafe<PodTemplateSpec>(
  openObject(
    { metadata: openObject({ labels: stringMap({}, LABEL_VALUE) }), spec: optional(podSpec) },
    { description: 'Template of the Pods, as in a Deployment.' },
  ),
);

const spec = fields(
  {
    paused: optional(
      boolean({ description: 'Keeps the Pods as they are: no Pod is created, updated, replaced or deleted.' }),
    ),
    replicas: optional(
      int32({
        minimum: 0,
        maximum: MAX_REPLICAS,
        default: DEFAULT_REPLICAS,
        description: `Desired number of Pods; 1 if unset. At most ${MAX_REPLICAS}: the ids of all Pods are stored in one ResourceContext, whose size etcd limits.`,
      }),
    ),
    selector: labelSelector({
      description: 'Selects the Pods of the set; must not be empty, and must match the labels of the template.',
      'x-kubernetes-validations': [SELECTOR_IS_NOT_EMPTY],
    }),
    template,
    volumeClaimTemplates: optional(
      listOf(claimTemplate, {
        maxItems: MAX_CLAIM_TEMPLATES,
        'x-kubernetes-list-type': 'atomic',
        description: `Claims that each Pod gets, mounted by the name of the claim template. At most ${MAX_CLAIM_TEMPLATES}: no node attaches more volumes to one Pod.`,
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
    historyLimit: optional(
      int32({
        description: `Number of unused revisions to keep; 20 if unset. A value above ${MAX_HISTORY} has the effect of ${MAX_HISTORY}, because each revision holds a whole template.`,
      }),
    ),
    minReadySeconds: optional(
      int32({ minimum: 0, description: 'How long a Pod must be ready to count as available, in seconds; 0 if unset.' }),
    ),
    progressDeadlineSeconds: optional(
      int32({
        minimum: 0,
        description: 'Seconds without progress after which the set is reported as stalled; 600 if unset.',
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

export const collaSetKind: KindDeclaration = {
  kind: 'CollaSet',
  plural: 'collasets',
  shortNames: ['cls'],
  description: 'Keeps a number of equal Pods at the revision of its template, and follows their PodOpsLifecycle.',
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
    text('STATUS', '.status.conditions[?(@.type=="Progressing")].reason'),
    { name: 'PAUSED', type: 'boolean', jsonPath: '.spec.paused' },
    AGE,
    wide(counted('UPDATED_READY', '.status.updatedReadyReplicas')),
    wide(counted('UPDATED_AVAILABLE', '.status.updatedAvailableReplicas')),
    wide(text('CURRENT_REVISION', '.status.currentRevision')),
    wide(text('UPDATED_REVISION', '.status.updatedRevision')),
    wide(text('POLICY', '.spec.updateStrategy.podUpgradePolicy')),
    wide(text('IMAGES', '.spec.template.spec.containers[*].image')),
    wide(text('SELECTOR', '.status.selector')),
    // The message names the PodTransitionRule, or whatever else holds the update.
    wide(text('WAITS_FOR', '.status.conditions[?(@.type=="Update")].message')),
  ],
  rules: [NAME_LEAVES_ROOM_FOR_IDS, NAME_MAKES_HOSTNAMES],
};
