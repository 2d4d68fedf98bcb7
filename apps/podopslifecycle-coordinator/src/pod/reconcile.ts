import {
  CONTROL_LABEL,
  EMPLOYER_ADAPTER_ANNOTATION,
  isTerminating,
  type Key,
  PODS,
  type Pod,
  type PodTransitionRule,
  SERVICE_READY_GATE,
  type Service,
  STAY_OFFLINE_LABEL,
} from '@kuperator/api';
import { verdictFor } from '@kuperator/holders';
import { applyLabels, operationsOf, podStateOf, type Settled, settle } from '@kuperator/lifecycle';
import {
  type Clock,
  type EventRecorder,
  type KubeClient,
  maySelect,
  NotFoundError,
  type Reconcile,
  type SELECTING,
  type Sight,
} from '@kuperator/runtime';
import { awaitedOn, expectingAdapters } from './awaited.ts';
import { type Explanation, explain, type Patience, type PodFacts } from './explain.ts';
import { arrivingAt, type Guards, guardsOf } from './guards.ts';
import type { PodMetrics } from './metrics.ts';
import { writeFor } from './patch.ts';
import type { Seen } from './seen.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined; observe(pod: Pod): void; observeGone(key: Key, uid: string): void };
  readonly rules: { byIndex(index: typeof SELECTING, value: string): readonly PodTransitionRule[] };
  readonly services: {
    get(key: Key): Service | undefined;
    byIndex(index: typeof SELECTING, value: string): readonly Service[];
  };
  /** Of the rules and Services: an operation is let past a check only while these are known to be current. */
  readonly sight: Sight;
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
  readonly recorder: Pick<EventRecorder, 'normal' | 'warn'>;
  readonly metrics: Pick<PodMetrics, 'wrote'>;
  readonly patience: Patience;
  /** Whether an operator has a live Lease; undefined: not known. */
  readonly isRunning: (app: string) => boolean | undefined;
  /** What passes remember of Pods that wait, until these are gone. */
  readonly seen: Map<Key, Seen>;
};

/** How soon to look again whether the caches are current. */
const BLIND_MS = 1000;

/** Brings a Pod to the fixpoint of the protocol: at most one write a pass, none when it is there. */
export function podReconciler(deps: Deps): Reconcile {
  const { pods, client, recorder, metrics, seen, sight } = deps;
  return async (key) => {
    let view = viewOf(deps, key, []);
    const namespace = view?.pod.metadata.namespace ?? '';
    let blindTo: readonly string[] = [];
    if (view?.passes && !sight.isClear(namespace)) {
      blindTo = await sight.blindTo(namespace);
      // The caches may have caught up meanwhile, and the Pod may have changed.
      view = viewOf(deps, key, blindTo);
    }
    if (!view) {
      seen.delete(key);
      return;
    }
    const { pod, settled, explanation, nowMs } = view;
    if (explanation.seen) seen.set(key, explanation.seen);
    else seen.delete(key);
    const blindMs = blindTo.length > 0 ? BLIND_MS : Number.POSITIVE_INFINITY;
    const againMs = Math.min(explanation.nextMs ?? Number.POSITIVE_INFINITY, view.heldMs, blindMs);
    const again = Number.isFinite(againMs) ? { requeueAfterMs: againMs } : undefined;
    const write = writeFor(pod, settled, new Date(nowMs).toISOString(), explanation);
    if (!write) return again;
    const { name = '', uid = '' } = pod.metadata;
    const options = write.subresource ? { subresource: write.subresource } : {};
    try {
      pods.observe(await client.patch(PODS, { namespace, name }, write.patch, options));
      metrics.wrote(write.changed);
      tell(recorder, pod, explanation);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      pods.observeGone(key, uid);
    }
    return again;
  };
}

type View = {
  readonly pod: Pod;
  readonly nowMs: number;
  readonly settled: Settled;
  readonly explanation: Explanation;
  /** A check would be passed if the caches are right. */
  readonly passes: boolean;
  /** When the time is over for which traffic on its way holds the Pod; Infinity when it holds nothing. */
  readonly heldMs: number;
};

/** All that a pass decides, from the caches as they are at this moment. @param blindTo kinds whose cache may not be current */
function viewOf(deps: Deps, key: Key, blindTo: readonly string[]): View | undefined {
  const { pods, rules, services, clock, patience, seen } = deps;
  const cached = pods.get(key);
  // A Pod on its way out is the kubelet's and the traffic controllers' (T18); one without the label is nobody's (T24).
  if (!cached || isTerminating(cached) || cached.metadata.labels?.[CONTROL_LABEL] !== 'true') return undefined;
  const guarding = maySelect(rules, cached);
  const pod = expectingAdapters(cached, maySelect(services, cached));
  const nowMs = clock.now();
  const guards = guardsOf(cached, services, nowMs);
  let passes = false;
  const settled = settle(podStateOf(pod), clock.nanos(), {
    passes: (request) => {
      const isAwaited = request.stage === 'PreCheck' && awaitedOn(pod).length > 0;
      if (isAwaited || !verdictFor(pod, guarding, request).passed) return false;
      passes = true;
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
  const explanation = explain(settledPod(pod, settled), facts, patience, seen.get(key));
  return { pod, nowMs, settled, explanation, passes, heldMs: heldMs(pod, guards) };
}

/** What is known of who may hold a Pod, besides the Pod. */
export function factsFor(
  { services, isRunning }: Pick<Deps, 'isRunning'> & { readonly services: Pick<Deps['services'], 'get'> },
  rules: readonly PodTransitionRule[],
  nowMs: number,
): PodFacts {
  const adapterOf = (employer: string) => {
    const [kind, ...key] = employer.split('/');
    const service = kind === 'Service' ? services.get(key.join('/')) : undefined;
    return service?.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION];
  };
  return { nowMs, rules, isRunning, adapterOf };
}

/** When the time is over for which traffic on its way holds the Pod; Infinity when it holds nothing. */
function heldMs(pod: Pod, { arrivingMs }: Guards): number {
  const isHeld =
    STAY_OFFLINE_LABEL in (pod.metadata.labels ?? {}) || operationsOf(pod).some(({ stage }) => stage === 'PreCheck');
  return arrivingMs > 0 && isHeld ? arrivingMs : Number.POSITIVE_INFINITY;
}

/** The Pod as the write will leave it: what it waits for then is what is to be told. */
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

/** A Kubernetes Event for each new holder; the recorder bounds how many a Pod may have. */
function tell(recorder: Deps['recorder'], pod: Pod, { condition, isDue }: Explanation): void {
  if (!isDue || !condition) return;
  const { status, reason = '', message = '' } = condition;
  const about = { ...pod, apiVersion: 'v1', kind: 'Pod' };
  if (status === 'False') recorder.warn(about, reason, message);
  else recorder.normal(about, reason, message);
}
