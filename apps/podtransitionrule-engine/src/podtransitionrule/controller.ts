import { COLLA_SETS, keyOf, POD_TRANSITION_RULES, PODS, type PodTransitionRule, replicasOf } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { Controller, Informer, type OperatorContext } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { enteredStage } from './events.ts';
import { ruleMetrics } from './metrics.ts';
import { ownWritesTo } from './own-writes.ts';
import { OwnerCache } from './owner-cache.ts';
import { ownerKinds, REPLICA_SETS, STATEFUL_SETS, trimCollaSet, trimOwner } from './owners.ts';
import { isRelevantChange, POD_INDEXES, trimPod } from './pod-cache.ts';
import { podTransitionRuleReconciler } from './reconcile.ts';
import { concerns, selects } from './selection.ts';
import { stageOf } from './stage.ts';

/** Rules, all Pods they may select, and the sets these belong to → one key a rule object. */
export function podTransitionRuleController(context: OperatorContext<Config>, events: EventBus) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const shared = { client, namespace: config.watchNamespace, logger, metrics };
  const byNamespace = (object: { metadata: { namespace?: string } }) => [object.metadata.namespace ?? ''];
  const rules = new Informer({ ...shared, resource: POD_TRANSITION_RULES, indexes: { namespace: byNamespace } });
  const pods = new Informer({ ...shared, resource: PODS, trim: trimPod, indexes: POD_INDEXES });
  const sets = new Informer({ ...shared, resource: COLLA_SETS, trim: trimCollaSet });
  const ownWrites = ownWritesTo(rules);
  const [replicaSets, statefulSets] = [REPLICA_SETS, STATEFUL_SETS].map(
    (resource) =>
      new OwnerCache({
        informer: { ...shared, resource, trim: trimOwner },
        onChange: ({ metadata }) => wake(rulesIn(metadata.namespace)),
        onRead: () => wake(rules.list()),
      }),
  );
  const settings = { skippedKinds: config.skipPodTransitionRules, conditions: new Map() };
  const controller = new Controller({
    name: 'podtransitionrule',
    reconcile: podTransitionRuleReconciler({
      rules,
      pods,
      ownerKinds: ownerKinds({
        collaSet: (key) => sets.get(key),
        replicaSet: (key) => replicaSets?.get(key),
        statefulSet: (key) => statefulSets?.get(key),
      }),
      client,
      ownWrites,
      events,
      recorder,
      metrics: ruleMetrics(metrics),
      clock,
      settings,
    }),
    concurrency: config.concurrency,
    keys: () => rules.keys(),
    shards,
    minIntervalMs: config.batchMs,
    resyncMs: config.resyncSeconds * 1000,
    clock,
    logger,
    metrics,
  });
  const rulesIn = (namespace: string | undefined) => rules.byIndex('namespace', namespace ?? '');
  const wake = (some: readonly PodTransitionRule[]) => {
    for (const rule of some) controller.enqueue(keyOf(rule));
  };

  rules.onChange(({ type, key, object, old }) => {
    if (type === 'updated' && ownWrites.isOwn(object)) return;
    controller.enqueue(key);
    // Who refuses a Pod decides about the slots of the others, too.
    if (old?.metadata.generation === object.metadata.generation && type === 'updated') return;
    wake(rulesIn(object.metadata.namespace));
  });
  pods.onChange(({ type, object, old }) => {
    if (type === 'updated' && old && !isRelevantChange(old, object)) return;
    for (const rule of rulesIn(object.metadata.namespace)) {
      if (concerns(rule, object, old)) controller.enqueue(keyOf(rule));
    }
  });
  sets.onChange(({ type, object, old }) => {
    if (type === 'updated' && old && replicasOf(old) === replicasOf(object)) return;
    wake(rulesIn(object.metadata.namespace));
  });
  // The watch on Pods tells the same. An event that is ahead of it is let go: an evaluation now would not see the change,
  // and would put off the one that will.
  for (const event of ['operation.requested', 'operation.done']) {
    events.subscribe({ kind: 'pod', event }, (received) => {
      const pod = pods.get(enteredStage(received) ?? '');
      if (!pod || !stageOf(pod)) return;
      for (const rule of rulesIn(pod.metadata.namespace)) if (selects(rule, pod)) controller.enqueue(keyOf(rule));
    });
  }
  const owners = {
    name: 'owners',
    start() {},
    stop: async () => void (await Promise.all([replicaSets?.stop(), statefulSets?.stop()])),
  };
  return { informers: [rules, pods, sets], controller, components: [owners] };
}
