import type { Key } from '@kuperator/api';
import { Controller, maySelect, type OperatorContext } from '@kuperator/runtime';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import { heldInVain, refusedHolders } from './plan.ts';
import { slotReconciler } from './reconcile.ts';

/** Pods that hold a slot of one rule object while another refuses them → one key a Pod. */
export function podSlotController(context: OperatorContext<Config>, { pods, rules }: Caches) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const concerns = (key: Key) => {
    const pod = pods.get(key);
    return pod !== undefined && heldInVain(pod, maySelect(rules, pod)) !== undefined;
  };
  const controller = new Controller({
    name: 'pod-slot',
    reconcile: slotReconciler({ pods, rules, client, recorder, clock }),
    concurrency: config.concurrency,
    keys: () => pods.keys().filter(concerns),
    shards,
    resyncMs: config.resyncSeconds * 1000,
    logger,
    metrics,
  });
  rules.onChange(({ type, object, old }) => {
    if (type !== 'updated' || old?.status === object.status) return;
    const others = rules.byIndex('namespace', object.metadata.namespace ?? '');
    for (const key of refusedHolders(object, others)) if (concerns(key)) controller.enqueue(key);
  });
  return controller;
}
