import type { Type } from 'typebox';
import { MAX_REPLICAS } from './collaset-rules.ts';
import type { KubeObject } from './core.ts';
import { AGE, type KindDeclaration } from './kind.ts';
import { fields, int32, int64, listOf, optional, string, stringMap, time } from './schema.ts';

/** No Pod has more; the API server stores no object that could hold them. */
const MAX_CONTAINERS = 1024;

/** Names of Kubernetes objects and actions are no longer. */
const name = () => string({ maxLength: 253 });

const spec = fields({
  action: optional(name()),
  targets: optional(
    listOf(fields({ name: optional(name()), containers: optional(listOf(name(), { maxItems: MAX_CONTAINERS })) }), {
      maxItems: MAX_REPLICAS,
    }),
  ),
  partition: optional(int32()),
  operationDelaySeconds: optional(int32()),
  activeDeadlineSeconds: optional(int32()),
  TTLSecondsAfterFinished: optional(int32()),
});

const count = () => optional(int32());
const status = fields({
  observedGeneration: optional(int64()),
  progress: optional(string()),
  startTime: optional(time()),
  endTime: optional(time()),
  totalPodCount: count(),
  succeededPodCount: count(),
  failedPodCount: count(),
  targetDetails: optional(
    listOf(
      fields({
        name: optional(string()),
        progress: optional(string()),
        startTime: optional(time()),
        endTime: optional(time()),
        error: optional(fields({ reason: optional(string()), message: optional(string()) })),
        extraInfo: optional(stringMap()),
      }),
    ),
  ),
});

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
