import { randomUUID } from 'node:crypto';
import { keyOf } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { type Component, Controller, type OperatorContext, type OperatorPart, sightOf } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { WebhookCalls } from '../webhook/calls.ts';
import { httpSender } from '../webhook/http.ts';
import { webhookMetrics } from '../webhook/metrics.ts';
import { type Caches, cachesFor, type OwnerCaches, ownerCachesFor } from './caches.ts';
import { ruleMetrics } from './metrics.ts';
import { type OwnWrites, ownWritesTo } from './own-writes.ts';
import { ownerKinds } from './owners.ts';
import { podReader } from './pod-reader.ts';
import { podTransitionRuleReconciler } from './reconcile.ts';
import { wakeOnChanges } from './wakeups.ts';

type Context = OperatorContext<Config>;

/** Watches rules, all Pods that they may select, and the CollaSets of these Pods. The key is that of a rule object. */
export function podTransitionRuleController(context: Context, events: EventBus): OperatorPart {
  const { clock, config, logger, metrics, shards } = context;
  const enqueue = (key: string) => controller.enqueue(key);
  const caches = cachesFor(context);
  const { rules, pods, sets } = caches;
  const owners = ownerCachesFor(context, {
    change: ({ metadata }) => {
      for (const rule of rules.byIndex('namespace', metadata.namespace ?? '')) enqueue(keyOf(rule));
    },
    read: () => {
      for (const key of rules.keys()) enqueue(key);
    },
  });
  const { webhooks, component } = webhooksFor(context, enqueue);
  const ownWrites = ownWritesTo(rules, enqueue);
  const controller: Controller = new Controller({
    name: 'podtransitionrule',
    reconcile: podTransitionRuleReconciler(depsFor(context, { caches, owners, webhooks, ownWrites, events })),
    concurrency: config.concurrency,
    keys: () => rules.keys(),
    shards,
    minIntervalMs: config.batchMs,
    resyncMs: config.resyncSeconds * 1000,
    clock,
    logger,
    metrics,
  });
  wakeOnChanges({ caches, ownWrites, events, enqueue });
  return { informers: [rules, pods, sets], controller, components: [ownersComponent(owners), component] };
}

type Parts = {
  readonly caches: Caches;
  readonly owners: OwnerCaches;
  readonly webhooks: WebhookCalls;
  readonly ownWrites: OwnWrites;
  readonly events: EventBus;
};

function depsFor({ client, clock, config, metrics, recorder }: Context, parts: Parts) {
  const { caches, owners, webhooks, ownWrites, events } = parts;
  const { rules, pods, sets } = caches;
  const { replicaSets, statefulSets } = owners;
  return {
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
  };
}

/** The calls of webhooks, and the part of the process that ends them with it. */
function webhooksFor({ client, clock, config, logger, metrics, shards }: Context, enqueue: (rule: string) => void) {
  const sender = httpSender({
    timeoutMs: config.webhookTimeoutSeconds * 1000,
    maxBytes: config.webhookMaxResponseKib * 1024,
    allowed: config.webhookAllowedNetworks,
  });
  const webhooks = new WebhookCalls({
    send: sender.send,
    readPods: podReader(client),
    onOutcome: enqueue,
    isOurs: (key) => shards.owns(key),
    maxCalls: config.webhookMaxCalls,
    clock,
    logger,
    metrics: webhookMetrics(metrics),
  });
  const component: Component = {
    name: 'webhooks',
    start() {},
    stop() {
      webhooks.stop();
      sender.close();
    },
  };
  return { webhooks, component };
}

/** These caches start when they are first asked, and end with the process. */
function ownersComponent({ replicaSets, statefulSets }: OwnerCaches): Component {
  return {
    name: 'owners',
    start() {},
    stop: async () => {
      await Promise.all([replicaSets.stop(), statefulSets.stop()]);
    },
  };
}
