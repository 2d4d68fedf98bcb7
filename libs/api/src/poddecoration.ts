import type { Type } from 'typebox';
import type { Container, KubeObject, Volume } from './core.ts';
import { AGE, type KindDeclaration, type PrinterColumn } from './kind.ts';
import { boolean, fields, int32, int64, listOf, openObject, optional, quantity, string, stringMap } from './schema.ts';
import { labelSelector } from './selector-schema.ts';

/** Far more than one Pod can have: etcd stores no object with so many. */
const LIST = { maxItems: 1024 };
/** Names, paths and similar texts. Linux has no longer paths. */
const text = (description: string) => string({ maxLength: 4096, description });

const keyRef = (kind: 'ConfigMap' | 'Secret') =>
  optional(
    fields(
      {
        key: text(`Key of the ${kind} whose value is used.`),
        name: optional(text(`Name of the ${kind}, in the namespace of the Pod.`)),
        optional: optional(
          boolean({
            description: `If true, the container also starts without the ${kind} or its key; false if unset.`,
          }),
        ),
      },
      { 'x-kubernetes-map-type': 'atomic', description: `Takes the value from a ${kind}.` },
    ),
  );

const valueFrom = fields(
  {
    configMapKeyRef: keyRef('ConfigMap'),
    secretKeyRef: keyRef('Secret'),
    fieldRef: optional(
      fields(
        {
          apiVersion: optional(text('API version in which the path is read; v1 if unset.')),
          fieldPath: text('Path of the field, for example metadata.name.'),
        },
        { 'x-kubernetes-map-type': 'atomic', description: 'Takes the value from a field of the Pod.' },
      ),
    ),
    resourceFieldRef: optional(
      fields(
        {
          containerName: optional(text('Name of the container; the container with the variable if unset.')),
          divisor: optional(quantity({ description: 'Unit in which the amount is given; 1 if unset.' })),
          resource: text('Resource, for example limits.cpu.'),
        },
        { 'x-kubernetes-map-type': 'atomic', description: 'Takes the value from a request or limit of a container.' },
      ),
    ),
  },
  { description: 'Source of the value, used instead of value.' },
);

const env = fields({
  name: text('Name of the variable.'),
  value: optional(string({ maxLength: 262_144, description: 'Value of the variable; empty if unset.' })),
  valueFrom: optional(valueFrom),
});

const volumeMount = fields({
  mountPath: text('Path in the container at which the volume is mounted.'),
  mountPropagation: optional(
    text('How mounts pass between the container and its node: None, HostToContainer or Bidirectional. None if unset.'),
  ),
  name: text('Name of the volume. The entry replaces a mount of the same volume in the container.'),
  readOnly: optional(boolean({ description: 'If true, the volume is mounted read-only; false if unset.' })),
  subPath: optional(text('Path in the volume that is mounted; its root if unset.')),
  subPathExpr: optional(
    text('Like subPath, but $(NAME) stands for a variable of the container. Only one of the two may be set.'),
  ),
});

const primaryContainer = fields({
  name: optional(text('Name of the container to change, for the targetPolicy ByName.')),
  targetPolicy: optional(
    text(
      'Which containers are changed: All, First, Last, or ByName for the container whose name is in the field name. If neither targetPolicy nor name is set, all are changed.',
    ),
  ),
  image: optional(text('Image that replaces the image of the container. The image stays if this is unset.')),
  env: optional(
    listOf(env, {
      ...LIST,
      description: 'Environment variables to add. A variable that the container has already is replaced.',
    }),
  ),
  volumeMounts: optional(listOf(volumeMount, { ...LIST, description: 'Mounts of volumes to add to the container.' })),
});

const metadataPatch = fields({
  annotations: optional(stringMap({ description: 'Annotations to add to the Pods.' })),
  labels: optional(
    stringMap({ description: 'Labels to add to the Pods. They must not be set under the patchPolicy MergePatchJson.' }),
  ),
  patchPolicy: text(
    'What happens if a Pod has the key already. Retain keeps its value, Overwrite replaces it, and MergePatchJson, for annotations only, merges the value into it as JSON.',
  ),
});

const toleration = fields({
  effect: optional(
    text('Effect of the taint: NoSchedule, PreferNoSchedule or NoExecute. If unset, taints with any effect match.'),
  ),
  key: optional(text('Key of the taint. If unset, with the operator Exists, all taints match.')),
  operator: optional(text('How value relates to the value of the taint: Equal, the default, or Exists for any value.')),
  tolerationSeconds: optional(
    int64({
      description:
        'Seconds for which a Pod stays on its node after a taint with the effect NoExecute appeared; for ever if unset.',
    }),
  ),
  value: optional(text('Value of the taint, for the operator Equal.')),
});

const container = openObject<Container & { injectPolicy?: string }>({
  name: text('Name of the container.'),
  injectPolicy: optional(
    text(
      'Where the container is put: BeforePrimaryContainer, the default, in front of the containers of the Pod, or AfterPrimaryContainer behind them.',
    ),
  ),
});

const template = fields(
  {
    metadata: optional(
      listOf(metadataPatch, { ...LIST, description: 'Labels and annotations to add, one entry after the other.' }),
    ),
    containers: optional(
      listOf(container, {
        ...LIST,
        description:
          'Containers to add, such as sidecars. An entry has all fields that `kubectl explain pod.spec.containers` shows, and injectPolicy.',
      }),
    ),
    initContainers: optional(
      listOf(
        openObject<Container>({ name: text('Name of the init container. If the Pod has one of that name, it stays.') }),
        {
          ...LIST,
          description:
            'Init containers to add behind those of the Pod. An entry has all fields that `kubectl explain pod.spec.initContainers` shows.',
        },
      ),
    ),
    primaryContainers: optional(
      listOf(primaryContainer, { ...LIST, description: 'Changes to containers that the Pod has already.' }),
    ),
    volumes: optional(
      listOf(
        openObject<Volume>({
          name: text('Name of the volume. If the Pod has a volume of that name, its source is replaced.'),
        }),
        {
          ...LIST,
          description: 'Volumes to add. An entry has all fields that `kubectl explain pod.spec.volumes` shows.',
        },
      ),
    ),
    affinity: optional(
      openObject<Record<string, unknown>>(
        {},
        {
          description:
            'Change to the affinity of the Pods. overrideAffinity replaces the affinity by another, as in `kubectl explain pod.spec.affinity`; nodeSelectorTerms are added to the required terms of the node affinity.',
        },
      ),
    ),
    tolerations: optional(
      listOf(toleration, {
        ...LIST,
        description: 'Tolerations to add. A toleration of the Pod with the same key is replaced.',
      }),
    ),
    runtimeClassName: optional(
      text('Name of the RuntimeClass that the Pods use; that of the CollaSet template if unset.'),
    ),
  },
  { description: 'What is laid over the Pod template of a CollaSet. A change is a new revision.' },
);

const rollingUpdate = fields(
  {
    partition: optional(
      int32({
        description:
          'Number of selected Pods, of all CollaSets together, that keep what they have; if unset, all Pods get the updated revision. It has no effect if selector is set.',
      }),
    ),
    selector: optional(
      labelSelector({
        description: 'Selects the Pods that get the updated revision; the others keep what they have.',
      }),
    ),
  },
  { description: 'Which Pods get the updated revision; all if neither field is set.' },
);

const spec = fields(
  {
    selector: optional(
      labelSelector({
        description:
          'Selects the Pods to decorate, among those that CollaSets of this namespace control. {} selects all of them; if it is unset, no Pod is decorated.',
      }),
    ),
    template: optional(template),
    weight: optional(
      int32({
        description:
          'Order in which several PodDecorations are applied to a Pod: the one with the greater weight comes later, and its values win; 0 if unset. Equal weights are ordered by name. A change is a new revision.',
      }),
    ),
    updateStrategy: optional(
      fields({ rollingUpdate: optional(rollingUpdate) }, { description: 'How a new revision reaches the Pods.' }),
    ),
    historyLimit: optional(int32({ description: 'Number of unused revisions to keep; 20 if 0 or unset.' })),
    disablePodDetail: optional(
      boolean({ description: 'If true, status.details has no list of Pods, which saves space; false if unset.' }),
    ),
  },
  { description: 'What the user wants: which Pods are decorated, with what, and how changes reach them.' },
);

const count = (description: string) => optional(int32({ description }));
const podDetail = fields({
  name: optional(string({ description: 'Name of the Pod.' })),
  revision: optional(
    string({ description: 'Name of the revision of this PodDecoration that the Pod has; unset if it has none.' }),
  ),
  escaped: optional(boolean({ description: 'True if the Pod does not have this decoration.' })),
});
const status = fields(
  {
    observedGeneration: optional(
      int64({ description: 'Generation of the spec (metadata.generation) to which this status refers.' }),
    ),
    matchedPods: count(
      'Number of Pods that the selector selects. Pods that have ended or are being deleted do not count.',
    ),
    injectedPods: count('Number of matched Pods that have a revision of this decoration.'),
    updatedPods: count('Number of matched Pods that have the updated revision.'),
    updatedReadyPods: count('Number of matched Pods that have the updated revision and are ready.'),
    updatedAvailablePods: count(
      'Number of matched Pods that have the updated revision and are in service (label podopslifecycle.kusionstack.io/service-available).',
    ),
    currentRevision: optional(
      string({
        description:
          'Name of the revision for Pods that do not get the updated one. It becomes the updated revision once all matched Pods have that.',
      }),
    ),
    updatedRevision: optional(
      string({
        description: 'Name of the ControllerRevision that belongs to the template and the weight in the spec.',
      }),
    ),
    collisionCount: count('Number of times that the name of a new revision was taken, so that another was computed.'),
    details: optional(
      listOf(
        fields({
          collaSet: optional(string({ description: 'Name of the CollaSet.' })),
          affectedReplicas: count('Number of matched Pods of the CollaSet.'),
          pods: optional(
            listOf(podDetail, {
              description: 'Matched Pods of the CollaSet. Left out if spec.disablePodDetail is true.',
            }),
          ),
        }),
        { description: 'State of the matched Pods, for each CollaSet.' },
      ),
    ),
  },
  { description: 'What the controller has observed. Only the controller writes it.' },
);

type PodDecorationSpec = Type.Static<typeof spec>;
type PodDecorationStatus = Type.Static<typeof status>;
/** Adds containers, volumes, labels and annotations to the Pods it selects. */
export type PodDecoration = KubeObject & { spec: PodDecorationSpec; status?: PodDecorationStatus };

const counted = (name: string, jsonPath: string): PrinterColumn => ({ name, type: 'integer', jsonPath });

export const podDecorationKind: KindDeclaration = {
  kind: 'PodDecoration',
  plural: 'poddecorations',
  shortNames: ['pd'],
  description: 'Adds containers, volumes and metadata to the Pods of CollaSets.',
  spec,
  specRequired: false,
  status,
  columns: [
    counted('MATCHED', '.status.matchedPods'),
    counted('INJECTED', '.status.injectedPods'),
    counted('UPDATED', '.status.updatedPods'),
    counted('UPDATED_READY', '.status.updatedReadyPods'),
    { name: 'CURRENT_REVISION', type: 'string', jsonPath: '.status.currentRevision' },
    { name: 'UPDATED_REVISION', type: 'string', jsonPath: '.status.updatedRevision' },
    AGE,
  ],
};
