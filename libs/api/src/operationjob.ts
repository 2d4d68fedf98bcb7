import type { Type } from 'typebox';
import { MAX_REPLICAS } from './collaset-rules.ts';
import type { KubeObject } from './core.ts';
import { AGE, type KindDeclaration } from './kind.ts';
import { fields, int32, int64, listOf, optional, string, stringMap, time } from './schema.ts';

/** No Pod has more; the API server stores no object that could hold them. */
const MAX_CONTAINERS = 1024;

/** Names of Kubernetes objects and actions are no longer. */
const NAME = { maxLength: 253 };

const spec = fields(
  {
    action: optional(
      string({
        ...NAME,
        description:
          'Operation on each Pod: Replace creates a new Pod and then deletes the old one, Restart restarts containers where they run. It must not be changed.',
      }),
    ),
    targets: optional(
      listOf(
        fields({
          name: optional(string({ ...NAME, description: 'Name of a Pod in the namespace of the job.' })),
          containers: optional(
            listOf(string(NAME), {
              maxItems: MAX_CONTAINERS,
              description:
                'Names of the containers to restart; all containers of the Pod if empty. Replace ignores it.',
            }),
          ),
        }),
        {
          maxItems: MAX_REPLICAS,
          description: `Pods to operate on, each at most once, and at most ${MAX_REPLICAS}. The list must not be changed.`,
        },
      ),
    ),
    partition: optional(
      int32({
        description:
          'Number of targets to operate on, from the beginning of the list; all if unset. Raise it to continue with further targets; it must not be lowered.',
      }),
    ),
    operationDelaySeconds: optional(
      int32({
        description:
          'Seconds between the permission to operate on a Pod and the operation; 0 if unset. Replace ignores it.',
      }),
    ),
    activeDeadlineSeconds: optional(
      int32({
        description:
          'Seconds that the operation on one Pod may take; 10800 (3 hours) if unset. After that, the target has failed.',
      }),
    ),
    TTLSecondsAfterFinished: optional(
      int32({ description: 'Seconds after its end at which the job is deleted; 1800 (30 minutes) if unset.' }),
    ),
  },
  { description: 'What the user wants: an operation, the Pods to operate on, and limits of time.' },
);

const count = (description: string) => optional(int32({ description }));
const targetDetail = fields({
  name: optional(string({ description: 'Name of the Pod.' })),
  progress: optional(
    string({ description: 'Progress of the operation on the Pod: Pending, Processing, Succeeded or Failed.' }),
  ),
  startTime: optional(time({ description: 'Time at which the operation on the Pod began.' })),
  endTime: optional(time({ description: 'Time at which the operation on the Pod succeeded or failed.' })),
  error: optional(
    fields(
      {
        reason: optional(
          string({ description: 'What went wrong, as one word for programs, for example PodNotFound.' }),
        ),
        message: optional(string({ description: 'What went wrong, as a text for people.' })),
      },
      { description: 'Why the operation failed, or what it could not do so far; unset without an error.' },
    ),
  ),
  extraInfo: optional(
    stringMap({ description: 'Further facts by name, for example NewPod: the Pod that Replace has created.' }),
  ),
});
const status = fields(
  {
    observedGeneration: optional(
      int64({ description: 'Generation of the spec (metadata.generation) to which this status refers.' }),
    ),
    progress: optional(
      string({
        description:
          'Progress of the job: Pending, Processing, Succeeded if all targets succeeded, or Failed if all have ended and one has failed. The last two are final.',
      }),
    ),
    startTime: optional(time({ description: 'Time at which the controller first worked on the job.' })),
    endTime: optional(time({ description: 'Time at which the job succeeded or failed.' })),
    totalPodCount: count('Number of targets, whether their Pods exist or not.'),
    succeededPodCount: count('Number of targets that have succeeded.'),
    failedPodCount: count('Number of targets that have failed.'),
    targetDetails: optional(
      listOf(targetDetail, { description: 'Progress of each target, in the order of the spec.' }),
    ),
  },
  { description: 'What the controller has observed. Only the controller writes it.' },
);

type OperationJobSpec = Type.Static<typeof spec>;
type OperationJobStatus = Type.Static<typeof status>;
/** A job that replaces or restarts chosen Pods within a budget. */
export type OperationJob = KubeObject & { spec: OperationJobSpec; status?: OperationJobStatus };

export const operationJobKind: KindDeclaration = {
  kind: 'OperationJob',
  plural: 'operationjobs',
  shortNames: ['opj'],
  description: 'Runs one operation, such as a restart or a replace, on chosen Pods.',
  spec,
  specRequired: false,
  status,
  columns: [{ name: 'PROGRESS', type: 'string', jsonPath: '.status.progress' }, AGE],
};
