import { Controller, type OperatorContext } from '@kuperator/runtime';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import type { DeletionMetrics } from './metrics.ts';
import { planLeaving } from './plan.ts';
import { deletionReconciler } from './reconcile.ts';

/** Controlled Pods that are to go, or were → one key a Pod. */
export function podDeletionController(context: OperatorContext<Config>, { pods }: Caches, deletion: DeletionMetrics) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const patience = {
    evictionMs: config.evictionPatienceSeconds * 1000,
    clusterNeedsMs: config.clusterNeedsSeconds * 1000,
  };
  const concerns = (key: string) => {
    const pod = pods.get(key);
    return pod !== undefined && planLeaving(pod, clock.now(), patience).do !== 'nothing';
  };
  const controller = new Controller({
    name: 'pod-deletion',
    reconcile: deletionReconciler({ pods, client, recorder, metrics: deletion, clock, patience }),
    concurrency: config.concurrency,
    keys: () => pods.keys().filter(concerns),
    shards,
    resyncMs: config.resyncSeconds * 1000,
    logger,
    metrics,
  });
  pods.onChange(({ type, key }) => {
    if (type !== 'deleted' && concerns(key)) controller.enqueue(key);
  });
  return controller;
}
