import type { KubeObject } from './core.ts';
import { fields, int32, int64, listOf, optional, type Static, string, stringMap, time } from './schema.ts';

export const operationJobSpec = fields({
  action: optional(string()),
  targets: optional(listOf(fields({ name: optional(string()), containers: optional(listOf(string())) }))),
  partition: optional(int32()),
  operationDelaySeconds: optional(int32()),
  activeDeadlineSeconds: optional(int32()),
  TTLSecondsAfterFinished: optional(int32()),
});

const count = () => optional(int32());
export const operationJobStatus = fields({
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

export type OperationJobSpec = Static<typeof operationJobSpec>;
export type OperationJobStatus = Static<typeof operationJobStatus>;
export type OperationJob = KubeObject & { spec: OperationJobSpec; status?: OperationJobStatus };
