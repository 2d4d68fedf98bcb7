import { CONTROL_LABEL, type ContainerStatus, type Pod, SERVICE_READY_GATE, stageLabel } from '@kuperator/api';

export const NOW = Date.UTC(2026, 0, 1, 0, 1);
/** When the operation of `inStage` entered its stage. */
export const SINCE = NOW - 60_000;
export const SINCE_NANOS = `${BigInt(SINCE) * 1_000_000n}`;

type Given = {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  gates?: readonly string[];
  conditions?: Record<string, 'True' | 'False' | { status: 'True' | 'False'; reason?: string; message?: string }>;
  statuses?: readonly ContainerStatus[];
  inits?: readonly ContainerStatus[];
  deletedMs?: number;
  node?: string;
};

/** A scheduled Pod with one container `main`, ready or not as its conditions say. */
export function aPod(given: Given = {}): Pod {
  const { conditions = {}, gates = [SERVICE_READY_GATE] } = given;
  return {
    metadata: {
      name: 'web-0',
      namespace: 'default',
      uid: 'uid-0',
      labels: { app: 'web', [CONTROL_LABEL]: 'true', ...given.labels },
      annotations: given.annotations ?? {},
      finalizers: given.finalizers ?? [],
      ...(given.deletedMs === undefined ? {} : { deletionTimestamp: new Date(given.deletedMs).toISOString() }),
    },
    spec: {
      nodeName: given.node ?? 'node-0',
      containers: [{ name: 'main', image: 'nginx:typo' }],
      readinessGates: gates.map((conditionType) => ({ conditionType })),
    },
    status: {
      conditions: Object.entries(conditions).map(([type, condition]) =>
        typeof condition === 'string' ? { type, status: condition } : { type, ...condition },
      ),
      containerStatuses: [...(given.statuses ?? [running()])],
      ...(given.inits ? { initContainerStatuses: [...given.inits] } : {}),
    },
  };
}

/** Conditions of a Pod that is Ready with its gate open. */
export const SERVING = { Ready: 'True', ContainersReady: 'True', [SERVICE_READY_GATE]: 'True' } as const;

export function running(change: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    name: 'main',
    image: 'nginx:1',
    imageID: 'sha256:1',
    ready: true,
    restartCount: 0,
    state: { running: {} },
    ...change,
  };
}

export function waiting(reason: string, message = '', change: Partial<ContainerStatus> = {}): ContainerStatus {
  return running({ ready: false, state: { waiting: { reason, message } }, ...change });
}

type Stage = 'PreCheck' | 'Preparing' | 'Operate' | 'PostCheck' | 'Completing';

/** Labels of operation `id` in the stage since `SINCE`. */
export function inStage(stage: Stage, id = 'collaset', type = 'update'): Record<string, string> {
  const at = SINCE_NANOS;
  const begun = { [stageLabel('operating', id)]: '1', [stageLabel('operation-type', id)]: type };
  const ended = { [stageLabel('operated', id)]: at, [stageLabel('done-operation-type', id)]: type };
  switch (stage) {
    case 'PreCheck':
      return { ...begun, [stageLabel('pre-check', id)]: at };
    case 'Preparing':
      return { ...begun, [stageLabel('pre-checked', id)]: at, [stageLabel('preparing', id)]: at };
    case 'Operate':
      return { ...begun, [stageLabel('pre-checked', id)]: at, [stageLabel('operate', id)]: at };
    case 'PostCheck':
      return { ...ended, [stageLabel('post-check', id)]: at };
    case 'Completing':
      return { ...ended, [stageLabel('post-checked', id)]: at, [stageLabel('completing', id)]: at };
  }
}
