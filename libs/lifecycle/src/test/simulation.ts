// A Pod and everybody who writes it, in memory: what the protocol looks like from the API server.

import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  CONTROL_LABEL,
  conditionOf,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  STAGE_LABELS,
  stageLabel,
} from '@kuperator/api';
import {
  type Authority,
  applyLabels,
  type CheckRequest,
  type LabelChanges,
  podStateOf,
  settle,
  withFinalizer,
} from '../index.ts';

export const FINALIZER = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';

export type PodOptions = {
  labels?: Record<string, string>;
  finalizers?: string[];
  gated?: boolean;
  gate?: 'True' | 'False' | undefined;
  ready?: boolean;
  expected?: readonly string[];
};

export function podWith(options: PodOptions = {}): Pod {
  const { gated = true, gate, ready = false, expected = [] } = options;
  return {
    metadata: {
      name: 'a',
      namespace: 'default',
      uid: 'uid-a',
      labels: { [CONTROL_LABEL]: 'true', ...options.labels },
      finalizers: options.finalizers ?? [],
      annotations: expected.length
        ? {
            [AVAILABLE_CONDITIONS_ANNOTATION]: JSON.stringify({
              expectedFinalizers: Object.fromEntries(expected.map((name, at) => [`Service/default/s${at}`, name])),
            }),
          }
        : {},
    },
    spec: { containers: [], readinessGates: gated ? [{ conditionType: SERVICE_READY_GATE }] : [] },
    status: {
      conditions: [
        ...(gate ? [{ type: SERVICE_READY_GATE, status: gate }] : []),
        { type: 'Ready', status: ready ? 'True' : 'False' },
      ],
    },
  };
}

/** A Pod in service: ready, gate open, traffic on where a finalizer is expected. */
export function servingPod(options: PodOptions = {}): Pod {
  return podWith({
    gate: 'True',
    ready: true,
    ...options,
    labels: { [SERVICE_AVAILABLE_LABEL]: '1', ...options.labels },
    finalizers: options.finalizers ?? [...(options.expected ?? [])],
  });
}

export class Simulation {
  pod: Pod;
  /** API writes so far. */
  writes = 0;
  private clock = 1_700_000_000_000_000_000n;

  constructor(pod: Pod) {
    this.pod = structuredClone(pod);
  }

  nanos(): string {
    this.clock += 1n;
    return this.clock.toString();
  }

  patchLabels(changes: LabelChanges | undefined): void {
    if (!changes || Object.keys(changes).length === 0) return;
    this.writes++;
    this.pod.metadata.labels = applyLabels(this.pod.metadata.labels ?? {}, changes);
  }

  /** One pass of the coordinator. @returns whether it wrote */
  coordinate(passes: Authority['passes'] = () => true, traffic: Omit<Authority, 'passes'> = {}): boolean {
    const settled = settle(podStateOf(this.pod), this.nanos(), { passes, ...traffic });
    if (settled.gate === undefined && Object.keys(settled.labels).length === 0) return false;
    this.writes++;
    this.pod.metadata.labels = applyLabels(this.pod.metadata.labels ?? {}, settled.labels);
    if (settled.gate) this.setCondition(SERVICE_READY_GATE, settled.gate);
    this.pod.metadata.finalizers = [...(this.pod.metadata.finalizers ?? []), ...(settled.guards ?? [])];
    return true;
  }

  /** The kubelet computes Ready from the gates; containers are taken to be ready. */
  kubelet(containersReady = true): void {
    const open = podStateOf(this.pod).gated ? conditionOf(this.pod, SERVICE_READY_GATE)?.status === 'True' : true;
    this.setCondition('Ready', containersReady && open ? 'True' : 'False');
  }

  /** A traffic controller that follows readiness. @returns whether it wrote */
  adapter(finalizer = FINALIZER): boolean {
    const state = podStateOf(this.pod);
    const on = state.finalizers.includes(finalizer);
    const wanted = state.ready && state.gate !== 'False';
    if (on === wanted) return false;
    this.putFinalizer(finalizer, wanted);
    return true;
  }

  /** What a traffic controller writes when it has seen traffic come on or go. */
  putFinalizer(finalizer: string, wanted: boolean): void {
    const { finalizers, labels } = withFinalizer(this.pod, { finalizer, present: wanted, nanos: this.nanos() });
    this.writes++;
    this.pod.metadata.finalizers = finalizers;
    this.pod.metadata.labels = applyLabels(this.pod.metadata.labels ?? {}, labels);
  }

  /** All actors act until none has anything left to do. */
  quiesce(passes: (request: CheckRequest) => boolean = () => true, adapters: readonly string[] = []): void {
    for (let round = 0; round < 50; round++) {
      const before = JSON.stringify(this.pod);
      this.coordinate(passes);
      this.kubelet();
      for (const adapter of adapters) this.adapter(adapter);
      if (JSON.stringify(this.pod) === before) return;
    }
    throw new Error(`no rest: ${this.stages().join(' ')}`);
  }

  setCondition(type: string, status: 'True' | 'False'): void {
    if (conditionOf(this.pod, type)?.status === status) return;
    const others = (this.pod.status?.conditions ?? []).filter((condition) => condition.type !== type);
    this.pod.status = { ...this.pod.status, conditions: [...others, { type, status }] };
  }

  /** The lifecycle labels in short form, sorted: `operating/a`, `permission/update`, `SA`. */
  stages(): string[] {
    const short: string[] = [];
    for (const key of Object.keys(this.pod.metadata.labels ?? {})) {
      if (key === SERVICE_AVAILABLE_LABEL) short.push('SA');
      const [prefix = '', name = ''] = key.split('/');
      if (prefix === 'operation-permission.podopslifecycle.kusionstack.io') short.push(`permission/${name}`);
      const stage = STAGE_LABELS.find((candidate) => stageLabel(candidate, name) === key);
      if (stage && name) short.push(`${stage}/${name}`);
    }
    return short.sort();
  }

  gate(): string | undefined {
    return podStateOf(this.pod).gate;
  }
}
