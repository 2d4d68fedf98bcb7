import {
  CONTROL_LABEL,
  EMPLOYER_ADAPTER_ANNOTATION,
  isTerminating,
  type Key,
  type Pod,
  type PodTransitionRule,
  SERVICE_READY_GATE,
  type Service,
  STAY_OFFLINE_LABEL,
  TRAFFIC_KNOWN_CONDITION,
} from '@kuperator/api';
import { verdictFor } from '@kuperator/holders';
import { applyLabels, operationsOf, podStateOf, type Settled, settle } from '@kuperator/lifecycle';
import type { Clock, EventRecorder, ObjectWriter, Reconcile, ReconcileResult, Sight } from '@kuperator/runtime';
import { maySelect, type SELECTING } from '@kuperator/runtime';
import { awaitedOn, expectingAdapters } from './awaited.ts';
import { type Explanation, explain, type PodFacts, type WaitLimits } from './explain.ts';
import { arrivingAt, type Guards, guardsOf } from './guards.ts';
import type { PodMetrics } from './metrics.ts';
import { writeFor } from './patch.ts';
import type { Reported } from './reported.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined };
  readonly rules: { byIndex(index: typeof SELECTING, value: string): readonly PodTransitionRule[] };
  readonly services: {
    get(key: Key): Service | undefined;
    byIndex(index: typeof SELECTING, value: string): readonly Service[];
  };
  /** Of the rules and Services: an operation passes a check only while both caches are known to be current. */
  readonly sight: Sight;
  readonly writer: Pick<ObjectWriter<Pod>, 'patch'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
  readonly recorder: Pick<EventRecorder, 'normal' | 'warn'>;
  readonly metrics: Pick<PodMetrics, 'wrote'>;
  readonly limits: WaitLimits;
  /** Whether an operator has a live Lease; undefined if that is not known. */
  readonly isRunning: (app: string) => boolean | undefined;
  /** What waiting Pods report, kept from one reconcile to the next until the Pod is gone. */
  readonly reported: Map<Key, Reported>;
};

/** How soon to check again whether the caches are current. */
const BLIND_MS = 1000;

/** The part of a Pod's reconcile that brings the Pod to the fixpoint of the protocol, with one write at most. */
export function lifecycleStep(deps: Deps): Reconcile {
  const { sight, reported } = deps;
  return async (key, { signal }) => {
    let view = viewOf(deps, key, []);
    const namespace = view?.pod.metadata.namespace ?? '';
    let blindTo: readonly string[] = [];
    if (view?.passesCheck && !sight.isClear(namespace)) {
      blindTo = await sight.blindTo(namespace);
      // The shard may have been lost during the wait; then the Pod has a new owner.
      if (signal.aborted) return;
      // The caches may have caught up during the wait, and the Pod may have changed.
      view = viewOf(deps, key, blindTo);
    }
    if (!view) {
      reported.delete(key);
      return;
    }
    if (view.explanation.reported) reported.set(key, view.explanation.reported);
    else reported.delete(key);
    await write(deps, view);
    return nextReconcile(view, blindTo);
  };
}

type View = {
  readonly pod: Pod;
  readonly nowMs: number;
  readonly settled: Settled;
  readonly explanation: Explanation;
  /** An operation passes a check if the caches are current. */
  readonly passesCheck: boolean;
  /** How long traffic that may be about to arrive still holds the Pod; Infinity if it does not. */
  readonly heldMs: number;
};

/** All that a reconcile decides, from the caches as they are at this moment. @param blindTo kinds whose cache may be stale */
function viewOf(deps: Deps, key: Key, blindTo: readonly string[]): View | undefined {
  const { pods, rules, services, clock, limits, reported } = deps;
  const cached = pods.get(key);
  // A terminating Pod is left to the kubelet and the traffic controllers (T18). A Pod without the label is not controlled (T24).
  if (!cached || isTerminating(cached) || cached.metadata.labels?.[CONTROL_LABEL] !== 'true') return undefined;
  const guarding = maySelect(rules, cached);
  const pod = expectingAdapters(cached, maySelect(services, cached));
  const nowMs = clock.now();
  const guards = guardsOf(cached, services, nowMs);
  let passesCheck = false;
  const settled = settle(podStateOf(pod), clock.nanos(), {
    passes: (request) => {
      const isAwaited = request.stage === 'PreCheck' && awaitedOn(pod).length > 0;
      if (isAwaited || !verdictFor(pod, guarding, request).passed) return false;
      passesCheck = true;
      return blindTo.length === 0;
    },
    guards: Object.values(guards.missing),
    arriving: guards.arrivingMs > 0,
  });
  const facts = {
    ...factsFor(deps, guarding, nowMs),
    blindTo,
    awaited: awaitedOn(pod),
    arriving: arrivingAt(guards),
  };
  const explanation = explain(settledPod(pod, settled), { facts, limits, before: reported.get(key) });
  return { pod, nowMs, settled, explanation, passesCheck, heldMs: heldMs(pod, guards) };
}

async function write({ writer, metrics, recorder }: Deps, view: View): Promise<void> {
  const { pod, settled, explanation, nowMs } = view;
  const planned = writeFor(pod, { settled, now: new Date(nowMs).toISOString(), explanation });
  if (!planned || !(await writer.patch(pod, planned.change))) return;
  metrics.wrote(planned.changed);
  recordHolder(recorder, pod, explanation);
}

function nextReconcile({ explanation, heldMs: arrivalMs }: View, blindTo: readonly string[]): ReconcileResult {
  const blindMs = blindTo.length > 0 ? BLIND_MS : Number.POSITIVE_INFINITY;
  const nextMs = Math.min(explanation.nextMs ?? Number.POSITIVE_INFINITY, arrivalMs, blindMs);
  return Number.isFinite(nextMs) ? { requeueAfterMs: nextMs } : undefined;
}

/** What the adapter of a Service has said that it cannot do. */
function problemIn(service: Service | undefined): string | undefined {
  const conditions = service?.status?.conditions;
  if (!Array.isArray(conditions)) return undefined;
  const known = conditions.find(({ type, status }) => type === TRAFFIC_KNOWN_CONDITION && status === 'False');
  return typeof known?.message === 'string' && known.message ? known.message : undefined;
}

/** What the coordinator knows, besides the Pod, of the holders it may have. */
export function factsFor(
  { services, isRunning }: Pick<Deps, 'isRunning'> & { readonly services: Pick<Deps['services'], 'get'> },
  rules: readonly PodTransitionRule[],
  nowMs: number,
): PodFacts {
  const serviceOf = (employer: string) => {
    const [kind, ...key] = employer.split('/');
    return kind === 'Service' ? services.get(key.join('/')) : undefined;
  };
  const adapterOf = (employer: string) => serviceOf(employer)?.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION];
  // What an adapter has said that no longer guards the Service keeps nobody.
  const problemOf = (employer: string) =>
    adapterOf(employer) === undefined ? undefined : problemIn(serviceOf(employer));
  return { nowMs, rules, isRunning, adapterOf, problemOf };
}

function heldMs(pod: Pod, { arrivingMs }: Guards): number {
  const isHeld =
    STAY_OFFLINE_LABEL in (pod.metadata.labels ?? {}) || operationsOf(pod).some(({ stage }) => stage === 'PreCheck');
  return arrivingMs > 0 && isHeld ? arrivingMs : Number.POSITIVE_INFINITY;
}

/** The Pod as the write will leave it: its condition reports what the Pod waits for after the write. */
function settledPod(pod: Pod, { labels, gate, guards = [] }: Settled): Pod {
  const conditions = pod.status?.conditions ?? [];
  const others = conditions.filter(({ type }) => type !== SERVICE_READY_GATE);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: applyLabels(pod.metadata.labels ?? {}, labels),
      finalizers: [...(pod.metadata.finalizers ?? []), ...guards],
    },
    status: {
      ...pod.status,
      conditions: gate ? [...others, { type: SERVICE_READY_GATE, status: gate }] : conditions,
    },
  };
}

/** Records a Kubernetes Event for each new holder. The recorder limits how many Events a Pod may have. */
function recordHolder(recorder: Deps['recorder'], pod: Pod, { condition, isDue }: Explanation): void {
  if (!isDue || !condition) return;
  const { status, reason = '', message = '' } = condition;
  const about = { ...pod, apiVersion: 'v1', kind: 'Pod' };
  if (status === 'False') recorder.warn(about, reason, message);
  else recorder.normal(about, reason, message);
}
