import type { Key, KubeObject, Pod } from '@kuperator/api';
import {
  type BackoffOptions,
  type Clock,
  Controller,
  type Informer,
  type KubeClient,
  type Logger,
  type Metrics,
  type Shards,
  type Sight,
  systemClock,
} from '@kuperator/runtime';
import type { Adapter } from './adapter.ts';
import { allEmployerKeys, employersOf, lifecycleFinalizersOf } from './employee-pods.ts';
import { EmployerReports, type Recorder } from './employer-reports.ts';
import { employerWriter } from './employer-writer.ts';
import { HeldTraffic } from './held-traffic.ts';
import { adapterMetrics } from './metrics.ts';
import { podWriter, type TrafficChange } from './pod-writer.ts';
import { Recheck } from './recheck.ts';
import { resourceConsistReconciler } from './reconcile.ts';
import { StrayPods } from './stray-pods.ts';
import { NO_HOLD, type TrafficHold } from './traffic-hold.ts';

/** The part of an informer that the framework uses. */
type Source<T extends KubeObject> = Pick<
  Informer<T>,
  'get' | 'list' | 'keys' | 'byIndex' | 'observe' | 'observeGone' | 'onChange'
>;

export type ResourceConsistOptions<E extends KubeObject> = {
  adapter: Adapter<E>;
  client: Pick<KubeClient, 'get' | 'patch'>;
  /** Created with `employerOptions`. */
  employers: Source<E>;
  /** Created with `employeePodOptions`. */
  pods: Source<Pod>;
  recorder: Recorder;
  logger: Logger;
  metrics: Metrics;
  shards?: Shards;
  clock?: Clock;
  /** Number of employers reconciled concurrently; default 5. */
  concurrency?: number;
  /** Minimum time between two passes of one employer in milliseconds, so that a burst of Pod events causes one pass; default 10. */
  minIntervalMs?: number;
  /** Milliseconds between two passes over every employer; default 300 000. */
  resyncMs?: number;
  /**
   * For an observer: how long traffic must have been on or off before it counts, unless an annotation of the employer says otherwise.
   * Default none: what `observe` answers already holds for everything that sends traffic.
   */
  hold?: TrafficHold;
  /** For an observer: the caches that `observe` answers from, including employers and Pods. Without it they count as current. */
  sight?: Sight;
  /** For an observer that learns of changes between passes and reports them with `noticed`. */
  heldTraffic?: HeldTraffic;
  /** Backoff of an employer whose pass failed. */
  backoff?: BackoffOptions;
  /** Called after a finalizer was added to a Pod or removed, e.g. to publish an event. Must not throw. */
  onTraffic?: (change: TrafficChange) => void;
};

/**
 * The controller of one adapter: keys are employers, woken by their own changes and by those of Pods they select, selected,
 * or left marks on. An adapter with more to watch calls `enqueue` with the employer's key.
 */
export function resourceConsistController<E extends KubeObject>(options: ResourceConsistOptions<E>): Controller {
  const { adapter, client, employers, pods, recorder, logger, metrics } = options;
  const clock = options.clock ?? systemClock;
  const kind = adapter.employers;
  const strays = new StrayPods();
  const heldTraffic = options.heldTraffic ?? new HeldTraffic(clock);
  const { onTraffic, onUnsettled, onLeftAlone } = adapterMetrics(metrics, adapter.name);
  const controller: Controller = new Controller({
    name: adapter.name,
    reconcile: resourceConsistReconciler({
      adapter,
      employers,
      pods,
      strays,
      recheck: new Recheck(adapter.recheckMs, clock),
      heldTraffic,
      hold: options.hold ?? NO_HOLD,
      sight: options.sight,
      wakeAfter: (key, ms) => controller.enqueueAfter(key, ms),
      reports: new EmployerReports(adapter, recorder),
      writeEmployer: employerWriter({ client, employers, kind }),
      podWriter: podWriter({
        client,
        pods,
        clock,
        onTraffic: (change) => {
          onTraffic(change);
          options.onTraffic?.(change);
        },
      }),
      onUnsettled,
      onLeftAlone,
    }),
    concurrency: options.concurrency ?? 5,
    keys: () => allEmployerKeys(kind, employers, pods),
    minIntervalMs: options.minIntervalMs ?? 10,
    resyncMs: options.resyncMs ?? 300_000,
    ...(options.shards ? { shards: options.shards } : {}),
    ...(options.backoff ? { backoff: options.backoff } : {}),
    clock,
    logger,
    metrics,
  });
  wakeOnChanges(options, { strays, heldTraffic, enqueue: (key) => controller.enqueue(key) });
  return controller;
}

function wakeOnChanges<E extends KubeObject>(
  { adapter, employers, pods, shards }: ResourceConsistOptions<E>,
  {
    strays,
    heldTraffic,
    enqueue,
  }: { readonly strays: StrayPods; readonly heldTraffic: HeldTraffic; readonly enqueue: (employer: Key) => void },
): void {
  const kind = adapter.employers;
  // While another replica works on an employer, its traffic is not observed here.
  shards?.onChange(() => heldTraffic.keepOnly((employer) => shards.owns(employer)));
  shards?.onLapse(() => heldTraffic.keepOnly(() => false));
  employers.onChange(({ key }) => enqueue(key));
  pods.onChange(({ type, object, old }) => {
    if (type === 'deleted' && lifecycleFinalizersOf(object).length > 0) {
      strays.note(object, employersOf(object, kind, employers));
    }
    const now = employersOf(object, kind, employers);
    // A Pod whose labels changed also concerns the employers that selected it before.
    const isRelabelled = old !== undefined && old.metadata.labels !== object.metadata.labels;
    for (const key of isRelabelled ? now.union(employersOf(old, kind, employers)) : now) enqueue(key);
  });
}

/** The employers that a Pod concerns, for an adapter that learns about the Pod in another way than by the watch. */
export function employersOfPod<E extends KubeObject>(
  pod: Key,
  { adapter, employers, pods }: Pick<ResourceConsistOptions<E>, 'adapter' | 'employers' | 'pods'>,
): Iterable<Key> {
  const known = pods.get(pod);
  return known ? employersOf(known, adapter.employers, employers) : [];
}
