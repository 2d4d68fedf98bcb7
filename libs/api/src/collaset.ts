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
import { CONDITION_FIELDS } from './condition-schema.ts';
import type { Condition, KubeObject, PodTemplateSpec } from './core.ts';
import { AGE, counted, type KindDeclaration, text, wide } from './kind.ts';
import { claimTemplate } from './persistent-volume-claim.ts';
import { boolean, fields, int32, int64, listOf, oneOf, openObject, optional, string, stringMap } from './schema.ts';
import { LABEL_VALUE, labelSelector } from './selector-schema.ts';

/** How a changed template reaches existing Pods. */
const POD_UPGRADE_POLICIES = ['Recreate', 'InPlaceIfPossible', 'InPlaceOnly', 'Replace'] as const;
/** How an update changes a Pod. `Replace` creates the new Pod before the old one is deleted. */
export type PodUpgradePolicy = (typeof POD_UPGRADE_POLICIES)[number];

/** No node attaches more volumes to a Pod, whatever the driver. */
const MAX_CLAIM_TEMPLATES = 256;

/** How Pods are named: `<set>-<id>`, or with a random suffix. */
const POD_NAMING_SUFFIX_POLICIES = ['PersistentSequence', 'Random'] as const;
/** How the names of new Pods end: with a random suffix, or with the instance id. */
export type PodNamingSuffixPolicy = (typeof POD_NAMING_SUFFIX_POLICIES)[number];

// Go clients send '' for some unset strings: it is taken as the default, not refused.
const updateStrategy = fields(
  {
    podUpgradePolicy: optional(
      oneOf(['', ...POD_UPGRADE_POLICIES], {
        default: 'InPlaceIfPossible',
        description:
          'How an update changes a Pod. InPlaceIfPossible, the default, changes the running Pod, and recreates it if the change is not possible in place; InPlaceOnly never recreates it. Recreate deletes the Pod and creates it again; Replace creates a new Pod first, and deletes the old one once the new one is in service.',
      }),
    ),
    operationDelaySeconds: optional(
      int32({
        minimum: 0,
        description: 'Seconds between the permission to update a Pod and the update; 0 if unset.',
      }),
    ),
    rollingUpdate: optional(
      fields(
        {
          byPartition: optional(
            fields(
              {
                partition: optional(
                  int32({
                    minimum: 0,
                    description:
                      'Number of Pods that keep their old revision; 0 if unset, so that all Pods are updated. If it is not less than replicas, no Pod is updated. A higher number does not take back the update of a Pod.',
                  }),
                ),
              },
              { description: 'Updates all Pods except a number of them. It has no effect if byLabel is set.' },
            ),
          ),
          byLabel: optional(
            fields(
              {},
              {
                description:
                  'Updates only Pods with the label collaset.kusionstack.io/update-included, and removes the label when the update of the Pod is finished. Set it to {}; it has no fields.',
              },
            ),
          ),
        },
        {
          default: { byPartition: {} },
          description:
            'Which Pods an update reaches. All Pods are updated if byPartition and byLabel are unset or empty.',
        },
      ),
    ),
  },
  { default: {}, description: 'How Pods are brought to a changed template, and which of them.' },
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
          'Name of the ResourceContext that holds the instance ids of the set; the name of the set if empty. Sets with the same context never use the same id. Immutable.',
      }),
    ),
    podToDelete: podNames(
      'Names of Pods to delete. The set recreates them unless replicas is lowered as well. A Pod may be in only one of the three lists.',
    ),
    podToInclude: podNames(
      'Names of Pods without an owner that the set adopts, with their claims. They need the label kusionstack.io/control and must match the selector. The list must be empty under PersistentSequence.',
    ),
    podToExclude: podNames(
      'Names of Pods that the set releases, with their claims: they keep running without an owner, and the set creates others in their place unless replicas is lowered as well. The list must be empty under PersistentSequence.',
    ),
    operationDelaySeconds: optional(
      int32({
        minimum: 0,
        description:
          'Seconds between the permission to scale in a Pod and its deletion. If unset, updateStrategy.operationDelaySeconds applies.',
      }),
    ),
    persistentVolumeClaimRetentionPolicy: optional(
      fields(
        {
          whenDeleted: retention(
            'What happens to the claims when the set is deleted. Retain keeps them for the next set of the same name; Delete, which is also the meaning of empty, deletes them.',
          ),
          whenScaled: retention(
            'What happens to the claims of a Pod that is scaled in. Retain keeps them for the next Pod with the same instance id; Delete, which is also the meaning of empty, deletes them.',
          ),
        },
        { description: 'When the claims that the set created from volumeClaimTemplates are deleted.' },
      ),
    ),
  },
  {
    rules: SCALE_STRATEGY_RULES,
    description:
      'Which Pods leave and join the set, where their instance ids come from, and what happens to their claims. Names stay in the lists of Pods unless the controller runs with RECLAIM_SCALE_STRATEGY.',
  },
);

// A CollaSet replaces Pods that end, so it refuses a template whose Pods end by themselves, as a Deployment does.
const podSpec = openObject(
  {
    restartPolicy: optional(
      oneOf(['', 'Always'], {
        description:
          'What the kubelet does when a container ends. Only Always is allowed, which is also the default, because a CollaSet replaces Pods that end.',
      }),
    ),
    activeDeadlineSeconds: optional(
      int64({
        'x-kubernetes-validations': [NO_ACTIVE_DEADLINE],
        description:
          'Must not be set, because a CollaSet replaces Pods that end. A set that was stored with a deadline may keep it unchanged.',
      }),
    ),
  },
  {
    description:
      'Specification of the Pods: containers, volumes, scheduling and so on. All fields that `kubectl explain pod.spec` shows are allowed.',
  },
);

const podMetadata = openObject(
  {
    labels: stringMap({ description: 'Labels of the Pods. They must match the selector of the set.' }, LABEL_VALUE),
  },
  { description: 'Metadata of the Pods, such as labels and annotations; see `kubectl explain pod.metadata`.' },
);

// The template is stored as written, for any Kubernetes version. The schema names only the fields that our rules read.
const template = Type.Unsafe<PodTemplateSpec>(
  openObject(
    { metadata: podMetadata, spec: optional(podSpec) },
    {
      description:
        'Template of the Pods, with the fields of the template of a Deployment; `kubectl explain pod.spec` describes them. A change from which the API server makes different Pods is a new revision, to which the Pods are updated. If the API server does not know a field of a new revision, a condition names the field, and no Pod is created from it or updated to it.',
    },
  ),
);

const spec = fields(
  {
    paused: optional(
      boolean({
        description:
          'If true, the set keeps its Pods as they are: no Pod is created, updated, replaced or deleted. A Pod that has already been changed finishes its update; other operations are cancelled. False if unset.',
      }),
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
      description:
        'Selects the Pods of the set. It must not be empty, and must match the labels of the template. If it changes, Pods that it no longer matches keep running without an owner.',
      'x-kubernetes-validations': [SELECTOR_IS_NOT_EMPTY],
    }),
    template,
    volumeClaimTemplates: optional(
      listOf(claimTemplate, {
        maxItems: MAX_CLAIM_TEMPLATES,
        'x-kubernetes-list-type': 'atomic',
        description: `PersistentVolumeClaims that each Pod gets; containers mount a claim by the name of its template. A claim outlives its Pods until the set gives up their instance id. At most ${MAX_CLAIM_TEMPLATES}, because no node attaches more volumes to a Pod.`,
      }),
    ),
    updateStrategy: optional(updateStrategy),
    scaleStrategy: optional(scaleStrategy),
    namingStrategy: optional(
      fields(
        {
          podNamingSuffixPolicy: optional(
            oneOf(['', ...POD_NAMING_SUFFIX_POLICIES], {
              default: 'Random',
              description:
                'How the name of a Pod ends. Random, the default, uses a suffix that is new for each Pod; PersistentSequence uses the instance id, so that a recreated Pod keeps its name. Immutable.',
            }),
          ),
        },
        { description: 'How the Pods are named.' },
      ),
    ),
    historyLimit: optional(
      int32({
        description: `Number of unused revisions to keep for a rollback; 20 if unset, and 0 if negative. A value above ${MAX_HISTORY} has the effect of ${MAX_HISTORY}, because each revision holds a whole template.`,
      }),
    ),
    minReadySeconds: optional(
      int32({
        minimum: 0,
        description:
          'Seconds for which a Pod in service must have been ready to count as available. If it is 0 or unset, each Pod in service counts as available.',
      }),
    ),
    progressDeadlineSeconds: optional(
      int32({
        minimum: 0,
        description:
          'Seconds without progress after which the conditions Progressing and Stalled report the set as stalled; 600 if unset. The set continues its work in any case.',
      }),
    ),
  },
  {
    rules: COLLASET_SPEC_RULES,
    description:
      'What the user wants: the template of the Pods, how many Pods there are, and how they are updated and scaled.',
  },
);

// The Go API requires no field of a condition.
const condition = Type.Unsafe<Condition>(
  fields({
    ...CONDITION_FIELDS,
    type: optional(CONDITION_FIELDS.type),
    status: optional(CONDITION_FIELDS.status),
  }),
);

const count = (description: string) => optional(int32({ description }));
const status = fields(
  {
    observedGeneration: optional(
      int64({ description: 'Generation of the spec (metadata.generation) to which this status refers.' }),
    ),
    replicas: count(
      'Number of Pods of the set. During a replacement, the old and the new Pod both count. Pods that are being deleted or have ended count only under PersistentSequence.',
    ),
    scheduledReplicas: count('Number of Pods, of those counted in replicas, that are assigned to a node.'),
    readyReplicas: count('Number of Pods, of those counted in replicas, that are ready.'),
    availableReplicas: count(
      'Number of Pods, of those counted in replicas, that are in service (label podopslifecycle.kusionstack.io/service-available) and, if minReadySeconds is set, have been ready for that long.',
    ),
    updatedReplicas: count('Number of Pods, of those counted in replicas, that have the updated revision.'),
    updatedReadyReplicas: count(
      'Number of Pods, of those counted in replicas, that have the updated revision and are ready.',
    ),
    updatedAvailableReplicas: count(
      'Number of Pods, of those counted in replicas, that have the updated revision and are available.',
    ),
    operatingReplicas: count('Number of Pods, of those counted in replicas, that the set is updating or scaling in.'),
    terminatingReplicas: count('Number of Pods of the set that are being deleted.'),
    currentRevision: optional(
      string({
        description:
          'Name of the ControllerRevision that the Pods had before the update. It becomes the updated revision once as many updated Pods are ready as spec.replicas desires.',
      }),
    ),
    updatedRevision: optional(
      string({ description: 'Name of the ControllerRevision that belongs to the template in the spec.' }),
    ),
    collisionCount: count('Number of times that the name of a new revision was taken, so that another was computed.'),
    selector: optional(string({ description: 'spec.selector as a string, for the scale subresource.' })),
    conditions: optional(
      listOf(condition, {
        'x-kubernetes-list-type': 'atomic',
        description:
          'State of the set. Scale and Update say whether its work is done; Available and Progressing mean the same as on a Deployment; Reconciling and Stalled are for tools that follow kstatus; Terminating reports the deletion of the set.',
      }),
    ),
  },
  { description: 'What the controller has observed. Only the controller writes it.' },
);

/** What the user wants: the template, how many Pods, and how they are updated and scaled. */
export type CollaSetSpec = Type.Static<typeof spec>;
/** What the controller has observed: counts, revisions and conditions. */
export type CollaSetStatus = Type.Static<typeof status>;
/** A set of Pods of one template, which are changed one lifecycle operation at a time. */
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
