// core/v1 PersistentVolumeClaim as CollaSet embeds it (spec.volumeClaimTemplates), complete as of Kubernetes 1.36.
import { Type } from 'typebox';
import type { PersistentVolumeClaim } from './core.ts';
import { fields, listByKey, listOf, optional, quantities, string, stringMap, time } from './schema.ts';
import { labelSelector } from './selector-schema.ts';

const accessModes = (description: string) =>
  optional(listOf(string(), { 'x-kubernetes-list-type': 'atomic', description }));
const text = (description: string) => optional(string({ description }));

/** The fields that both references to the source of a volume have. */
const SOURCE = {
  apiGroup: text('API group of the source; the core group if unset.'),
  kind: string({ description: 'Kind of the source, for example VolumeSnapshot or PersistentVolumeClaim.' }),
  name: string({ description: 'Name of the source.' }),
};

const claimSpec = fields(
  {
    accessModes: accessModes(
      'How the volume may be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.',
    ),
    dataSource: optional(
      fields(SOURCE, {
        'x-kubernetes-map-type': 'atomic',
        description: 'VolumeSnapshot or claim in the same namespace from whose content the volume is made.',
      }),
    ),
    dataSourceRef: optional(
      fields(
        { ...SOURCE, namespace: text('Namespace of the source; the namespace of the claim if unset.') },
        {
          description:
            'Object from whose content the volume is made. It may be of any kind that a volume populator supports.',
        },
      ),
    ),
    resources: optional(
      fields(
        {
          limits: optional(quantities({ description: 'Maximum amounts, for example storage: 20Gi.' })),
          requests: optional(
            quantities({
              description:
                'Minimum amounts, for example storage: 10Gi. If only the storage increases, existing claims are expanded, provided that their StorageClass allows it.',
            }),
          ),
        },
        { description: 'Size of the volume.' },
      ),
    ),
    selector: optional(
      labelSelector({ description: 'Selects the PersistentVolumes to which the claim may be bound.' }),
    ),
    storageClassName: text('Name of the StorageClass; the default class of the cluster if unset.'),
    volumeAttributesClassName: text('Name of the VolumeAttributesClass, which sets attributes such as throughput.'),
    volumeMode: text('Filesystem, the default, or Block for a raw device.'),
    volumeName: text('Name of the PersistentVolume to which the claim is to be bound.'),
  },
  {
    description:
      'Specification of the claims, as in `kubectl explain pvc.spec`. After a change other than more storage, an update recreates or replaces the Pods, with new claims.',
  },
);

const claimCondition = fields({
  lastProbeTime: optional(time({ description: 'Time at which the condition was checked last.' })),
  lastTransitionTime: optional(time({ description: 'Time at which the status of the condition changed last.' })),
  message: text('Why the condition has its status, as a text for people.'),
  reason: text('Why the condition has its status, as one word for programs.'),
  status: string({ description: 'Whether the condition holds: True, False or Unknown.' }),
  type: string({ description: 'What the condition is about, for example Resizing.' }),
});

const claimStatus = fields(
  {
    accessModes: accessModes('How the volume can be mounted.'),
    allocatedResourceStatuses: optional(
      stringMap({ 'x-kubernetes-map-type': 'granular', description: 'State of a resize, for each resource.' }),
    ),
    allocatedResources: optional(
      quantities({ description: 'Amounts reserved for the claim, also while a resize is in progress.' }),
    ),
    capacity: optional(quantities({ description: 'Amounts that the volume has.' })),
    conditions: optional(
      listByKey('type', claimCondition, { description: 'State of the claim, such as a resize in progress.' }),
    ),
    currentVolumeAttributesClassName: text('Name of the VolumeAttributesClass that the volume has.'),
    modifyVolumeStatus: optional(
      fields(
        {
          status: string({ description: 'State of the change: Pending, InProgress or Infeasible.' }),
          targetVolumeAttributesClassName: text(
            'Name of the VolumeAttributesClass to which the volume is being changed.',
          ),
        },
        { description: 'State of a change to another VolumeAttributesClass.' },
      ),
    ),
    phase: text('Phase of the claim: Pending, Bound or Lost.'),
  },
  { description: 'Has no effect. It is accepted because tools write claim templates as whole claims.' },
);

/** Only what a template may say of the claim; the API server drops the rest (such as a null creationTimestamp). */
const claimMetadata = fields(
  {
    annotations: optional(stringMap({ description: 'Annotations that each claim gets.' })),
    finalizers: optional(listOf(string(), { description: 'Finalizers that each claim gets.' })),
    labels: optional(
      stringMap({
        description: 'Labels that each claim gets, in addition to those by which the set finds its claims.',
      }),
    ),
    name: string({
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      description:
        'Name of the volume in the Pod, so that containers can mount it. The claims have names that begin with those of the set and of the template.',
    }),
    namespace: text('Has no effect: a claim is in the namespace of its set.'),
  },
  { description: 'Metadata of the claims, and the name of the template. Other fields than these are dropped.' },
);

/** One entry of spec.volumeClaimTemplates. */
export const claimTemplate = Type.Unsafe<PersistentVolumeClaim>(
  fields({
    apiVersion: text('API version of a claim, which is v1. It can be left out.'),
    kind: text('Kind of a claim, which is PersistentVolumeClaim. It can be left out.'),
    metadata: claimMetadata,
    spec: optional(claimSpec),
    status: optional(claimStatus),
  }),
);
