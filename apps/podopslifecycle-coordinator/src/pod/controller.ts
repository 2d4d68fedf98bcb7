import {
  conditionOf,
  isTerminating,
  type Key,
  keyOf,
  type Pod,
  type PodTransitionRule,
  type Service,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { PROGRESSING } from '@kuperator/holders';
import { operationsOf } from '@kuperator/lifecycle';
import {
  Controller,
  type Informer,
  maySelect,
  type ObjectWriter,
  type OperatorContext,
  type RunningOperators,
  sightOf,
} from '@kuperator/runtime';
import type { Config } from '../config.ts';
import type { LeavingMetrics } from '../leaving/metrics.ts';
import type { LeavingLimits } from '../leaving/plan.ts';
import { heldInVain, refusedHolders } from '../slot/plan.ts';
import { selects } from './awaited.ts';
import { stalledWaits, type WaitLimits } from './explain.ts';
import { eventsOf, stagesLeft } from './facts.ts';
import { type PodMetrics, podMetrics } from './metrics.ts';
import { podReconciler } from './reconcile.ts';
import type { Reported } from './reported.ts';
import { factsFor } from './step.ts';
import { podsToWake } from './wakeups.ts';

type Deps = {
  readonly events: EventBus;
  /** With the indexes of `caches.ts`. */
  readonly caches: {
    readonly pods: Informer<Pod>;
    readonly rules: Informer<PodTransitionRule>;
    readonly services: Informer<Service>;
  };
  readonly writer: ObjectWriter<Pod>;
  readonly operators: Pick<RunningOperators, 'isRunning' | 'onChange'>;
  readonly leavingMetrics: LeavingMetrics;
};

/** Controlled Pods, and what decides about them → one key per Pod, for all that the coordinator writes of it. */
export function podController(context: OperatorContext<Config>, deps: Deps): Controller {
  const { clock, config, logger, metrics, recorder, shards } = context;
  const { caches, writer, operators, leavingMetrics } = deps;
  const { pods, rules, services } = caches;
  const own = metricsOf(context, deps);
  const reported = new Map<Key, Reported>();
  const controller: Controller = new Controller({
    name: 'pod',
    reconcile: podReconciler({
      pods,
      rules,
      services,
      sight: sightOf([rules, services]),
      writer,
      clock,
      recorder,
      metrics: { wrote: own.wrote, stepped: leavingMetrics.stepped },
      limits: limitsOf(config),
      isRunning: (app) => operators.isRunning(app),
      reported,
      requeueAfter: (key, ms) => controller.enqueueAfter(key, ms),
    }),
    concurrency: config.concurrency,
    keys: () => pods.keys(),
    shards,
    resyncMs: config.resyncSeconds * 1000,
    logger,
    metrics,
  });

  pods.onChange(({ type, key, object, old }) => {
    if (type === 'deleted') {
      reported.delete(key);
      return;
    }
    controller.enqueue(key);
    // Only the owner of the Pod's shard publishes. At a hand-over two replicas may publish an event, with the same id.
    if (!shards.owns(key)) return;
    if (old) own.left(stagesLeft(old, object, BigInt(clock.nanos())));
    for (const event of eventsOf(old, object)) deps.events.publish(event);
  });
  wake(controller, deps);
  return controller;
}

/** Enqueues Pods that may go on although they have not changed themselves. */
function wake(controller: Controller, { caches: { pods, rules, services }, operators, events }: Deps): void {
  const inNamespace = (namespace = '') => pods.byIndex('namespace', namespace);
  const reportsHolder = (key: Key) => {
    const pod = pods.get(key);
    return pod !== undefined && conditionOf(pod, PROGRESSING) !== undefined;
  };
  const holdsSlotInVain = (key: Key) => {
    const pod = pods.get(key);
    return pod !== undefined && heldInVain(pod, () => maySelect(rules, pod)) !== undefined;
  };
  rules.onChange(({ type, object, old }) => {
    const { namespace = '' } = object.metadata;
    const after = type === 'deleted' ? undefined : object;
    const woken = podsToWake({ before: old, after }, { pods: () => inNamespace(namespace), reportsHolder });
    for (const key of woken) controller.enqueue(key);
    if (type !== 'updated' || old?.status === object.status) return;
    const holders = refusedHolders(object, rules.byIndex('namespace', namespace));
    for (const key of holders) if (holdsSlotInVain(key)) controller.enqueue(key);
  });
  services.onChange(({ object, old }) => {
    for (const pod of inNamespace(object.metadata.namespace)) {
      if (selects(object, pod) || (old && selects(old, pod))) controller.enqueue(keyOf(pod));
    }
  });
  operators.onChange(() => {
    for (const pod of pods.list()) if (operationsOf(pod).length > 0) controller.enqueue(keyOf(pod));
  });
  // Each of these also arrives by a watch: the verdict in the rule's status, the finalizer in the Pod.
  for (const event of ['transition.decided', 'traffic.off', 'traffic.on', 'operation.done']) {
    events.subscribe({ kind: 'pod', event }, ({ namespace, name }) => {
      const key = keyOf({ metadata: { namespace, name } });
      if (pods.get(key)) controller.enqueue(key);
    });
  }
}

function metricsOf(
  { clock, config, metrics, shards }: OperatorContext<Config>,
  { caches: { pods, rules, services }, operators }: Deps,
): PodMetrics {
  const known = { services, isRunning: (app: string) => operators.isRunning(app) };
  return podMetrics(metrics, () =>
    pods
      .list()
      // Few Pods report that they are stalled. Only these are examined closely.
      .filter((pod) => conditionOf(pod, PROGRESSING)?.status === 'False' && !isTerminating(pod))
      .filter((pod) => shards.owns(keyOf(pod)))
      .flatMap((pod) => stalledWaits(pod, factsFor(known, maySelect(rules, pod), clock.now()), limitsOf(config))),
  );
}

function limitsOf(config: Config): WaitLimits & LeavingLimits {
  return {
    graceMs: config.explainAfterSeconds * 1000,
    deadlineMs: config.stalledAfterSeconds * 1000,
    evictionMs: config.evictionPatienceSeconds * 1000,
    clusterNeedsMs: config.clusterNeedsSeconds * 1000,
  };
}
