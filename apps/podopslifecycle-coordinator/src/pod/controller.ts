import { conditionOf, isTerminating, type Key, keyOf } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { PROGRESSING } from '@kuperator/holders';
import { operationsOf } from '@kuperator/lifecycle';
import { Controller, maySelect, type OperatorContext, type RunningOperators, sightOf } from '@kuperator/runtime';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import { selects } from './awaited.ts';
import { stalledWaits } from './explain.ts';
import { eventsOf, stagesLeft } from './facts.ts';
import { podMetrics } from './metrics.ts';
import { factsFor, podReconciler } from './reconcile.ts';
import type { Seen } from './seen.ts';
import { podsToWake } from './wakeups.ts';

/** Controlled Pods and the rules over them → one key a Pod. */
export function podController(
  context: OperatorContext<Config>,
  events: EventBus,
  { pods, rules, services }: Caches,
  operators: Pick<RunningOperators, 'isRunning' | 'onChange'>,
) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const patience = {
    graceMs: config.explainAfterSeconds * 1000,
    deadlineMs: config.stalledAfterSeconds * 1000,
  };
  const known = { services, isRunning: (app: string) => operators.isRunning(app) };
  const own = podMetrics(metrics, () =>
    pods
      .list()
      // Few say so of themselves; only these are looked at closely.
      .filter((pod) => conditionOf(pod, PROGRESSING)?.status === 'False' && !isTerminating(pod))
      .filter((pod) => shards.owns(keyOf(pod)))
      .flatMap((pod) => stalledWaits(pod, factsFor(known, maySelect(rules, pod), clock.now()), patience)),
  );
  const seen = new Map<Key, Seen>();
  const controller = new Controller({
    name: 'pod',
    reconcile: podReconciler({
      ...known,
      pods,
      rules,
      services,
      sight: sightOf([rules, services]),
      client,
      clock,
      recorder,
      metrics: own,
      patience,
      seen,
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
      seen.delete(key);
      return;
    }
    controller.enqueue(key);
    // Told by whoever has the Pod in its shard; told twice, at a hand-over, an event has the same id.
    if (!shards.owns(key)) return;
    if (old) own.left(stagesLeft(old, object, BigInt(clock.nanos())));
    for (const event of eventsOf(old, object)) events.publish(event);
  });
  const tells = (key: Key) => {
    const pod = pods.get(key);
    return pod !== undefined && conditionOf(pod, PROGRESSING) !== undefined;
  };
  rules.onChange(({ type, object, old }) => {
    const inNamespace = () => pods.byIndex('namespace', object.metadata.namespace ?? '');
    const after = type === 'deleted' ? undefined : object;
    for (const key of podsToWake(old, after, inNamespace, tells)) controller.enqueue(key);
  });
  services.onChange(({ object, old }) => {
    for (const pod of pods.byIndex('namespace', object.metadata.namespace ?? '')) {
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
  return controller;
}
