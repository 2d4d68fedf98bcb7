import { randomUUID } from 'node:crypto';
import {
  COLLA_SETS,
  isTerminating,
  keyOf,
  POD_TRANSITION_RULES,
  PODS,
  type PodTransitionRule,
  replicasOf,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { type Component, Controller, Informer, type OperatorContext, sightOf } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { WebhookCalls } from '../webhook/calls.ts';
import { httpSender } from '../webhook/http.ts';
import { webhookMetrics } from '../webhook/metrics.ts';
import { enteredStage } from './events.ts';
import { ruleMetrics } from './metrics.ts';
import { ownWritesTo } from './own-writes.ts';
import { OwnerCache } from './owner-cache.ts';
import { ownerKinds, REPLICA_SETS, STATEFUL_SETS, trimCollaSet, trimOwner } from './owners.ts';
import { isRelevantChange, newlyShown, POD_INDEXES, trimPod } from './pod-cache.ts';
import { podReader } from './pod-reader.ts';
import { podTransitionRuleReconciler } from './reconcile.ts';
import { concerns, selects, shareTargets } from './selection.ts';
import { stageOf } from './stage.ts';

/** Rules, all Pods they may select, and the sets these belong to → one key a rule object. */
export function podTransitionRuleController(context: OperatorContext<Config>, events: EventBus) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const shared = { client, namespace: config.watchNamespace, logger, metrics };
  const byNamespace = (object: { metadata: { namespace?: string } }) => [object.metadata.namespace ?? ''];
  const rules = new Informer({ ...shared, resource: POD_TRANSITION_RULES, indexes: { namespace: byNamespace } });
  const pods = new Informer({ ...shared, resource: PODS, trim: trimPod, indexes: POD_INDEXES });
  const sets = new Informer({ ...shared, resource: COLLA_SETS, trim: trimCollaSet });
  const rulesIn = (namespace: string | undefined) => rules.byIndex('namespace', namespace ?? '');
  const wake = (some: readonly PodTransitionRule[]) => {
    for (const rule of some) controller.enqueue(keyOf(rule));
  };
  const owners = (resource: typeof REPLICA_SETS) =>
    new OwnerCache({
      informer: { ...shared, resource, trim: trimOwner },
      onChange: ({ metadata }) => wake(rulesIn(metadata.namespace)),
      onRead: () => wake(rules.list()),
      onFailure: (error) => logger.error({ err: error, kind: resource.kind }, 'owners cannot be read'),
    });
  const [replicaSets, statefulSets] = [owners(REPLICA_SETS), owners(STATEFUL_SETS)];
  const sender = httpSender({
    timeoutMs: config.webhookTimeoutSeconds * 1000,
    maxBytes: config.webhookMaxResponseKib * 1024,
    allowed: config.webhookAllowedNetworks,
  });
  const webhooks = new WebhookCalls({
    send: sender.send,
    readPods: podReader(client),
    onOutcome: (key) => controller.enqueue(key),
    isOurs: (key) => shards.owns(key),
    maxCalls: config.webhookMaxCalls,
    clock,
    logger,
    metrics: webhookMetrics(metrics),
  });
  const ownWrites = ownWritesTo(rules, (key) => controller.enqueue(key));
  const controller = new Controller({
    name: 'podtransitionrule',
    reconcile: podTransitionRuleReconciler({
      rules,
      pods,
      sight: sightOf([rules, pods, sets, replicaSets, statefulSets]),
      ownerKinds: ownerKinds({
        collaSet: (key) => sets.get(key),
        replicaSet: (key) => replicaSets.get(key),
        statefulSet: (key) => statefulSets.get(key),
      }),
      client,
      ownWrites,
      events,
      recorder,
      metrics: ruleMetrics(metrics),
      clock,
      settings: {
        skippedKinds: config.skipPodTransitionRules,
        conditions: new Map(),
        allowedNetworks: config.webhookAllowedNetworks,
      },
      webhooks,
      newTraceId: randomUUID,
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

  rules.onChange(({ type, key, object, old }) => {
    if (type !== 'updated' || !ownWrites.isOwn(object)) controller.enqueue(key);
    const neighbours = rulesIn(object.metadata.namespace).filter((rule) => keyOf(rule) !== key);
    // Who refuses a Pod, or has given it a slot, decides about the slots of the others, too.
    if (type !== 'updated' || old?.metadata.generation !== object.metadata.generation) wake(neighbours);
    else if (old?.status !== object.status) wake(neighbours.filter((rule) => shareTargets(rule, object)));
  });
  pods.onChange(({ type, object, old }) => {
    const { namespace } = object.metadata;
    const shown = newlyShown(old, object).flatMap((name) => rules.get(`${namespace}/${name}`) ?? []);
    wake(shown.filter((rule) => isTerminating(rule) || !selects(rule, object)));
    if (type === 'updated' && old && !isRelevantChange(old, object)) return;
    wake(rulesIn(object.metadata.namespace).filter((rule) => concerns(rule, object, old)));
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
      if (pod && stageOf(pod)) wake(rulesIn(pod.metadata.namespace).filter((rule) => selects(rule, pod)));
    });
  }
  const components: Component[] = [
    {
      name: 'owners',
      start() {},
      stop: async () => {
        await Promise.all([replicaSets.stop(), statefulSets.stop()]);
      },
    },
    {
      name: 'webhooks',
      start() {},
      stop() {
        webhooks.stop();
        sender.close();
      },
    },
  ];
  return { informers: [rules, pods, sets], controller, components };
}
