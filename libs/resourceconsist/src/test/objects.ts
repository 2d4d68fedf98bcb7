import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  CONTROL_LABEL,
  type Pod,
  SERVICE_READY_GATE,
  type Service,
} from '@kuperator/api';

/** What differs from a ready, controlled Pod `default/a` of the Service `nginx`. */
export type PodOptions = {
  name?: string;
  labels?: Record<string, string>;
  finalizers?: string[];
  /** By employer key; a string is the annotation's raw text. */
  expected?: Record<string, string> | string;
  ready?: boolean;
  /** Default: as `ready`; `none`: never written. */
  gate?: 'True' | 'False' | 'none';
  phase?: 'Pending' | 'Running' | 'Succeeded';
  deletionTimestamp?: string;
};

export function aPod(options: PodOptions = {}): Pod {
  const { name = 'a', ready = true, gate = ready ? 'True' : 'False', phase = 'Running', expected } = options;
  const text = typeof expected === 'string' ? expected : JSON.stringify({ expectedFinalizers: expected });
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: { [CONTROL_LABEL]: 'true', app: 'nginx', ...options.labels },
      finalizers: options.finalizers ?? [],
      ...(expected === undefined ? {} : { annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: text } }),
      ...(options.deletionTimestamp ? { deletionTimestamp: options.deletionTimestamp } : {}),
    },
    spec: { containers: [], readinessGates: [{ conditionType: SERVICE_READY_GATE }] },
    status: {
      phase,
      podIP: '10.0.0.1',
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False' },
        ...(gate === 'none' ? [] : [{ type: SERVICE_READY_GATE, status: gate }]),
      ],
    },
  };
}

export function aService(
  options: {
    name?: string;
    labels?: Record<string, string>;
    selector?: Record<string, string>;
    finalizers?: string[];
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  } = {},
): Service {
  const { name = 'nginx', labels = { [CONTROL_LABEL]: 'true' }, selector = { app: 'nginx' } } = options;
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-svc-${name}`,
      resourceVersion: '1',
      labels,
      finalizers: options.finalizers ?? [],
      annotations: options.annotations ?? {},
      ...(options.deletionTimestamp ? { deletionTimestamp: options.deletionTimestamp } : {}),
    },
    spec: { selector },
  };
}
