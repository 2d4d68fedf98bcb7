import { Controller, type OperatorContext } from '@kuperator/runtime';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import { evictionReconciler, waitsForEviction } from './reconcile.ts';

/** Pods that somebody wants to evict → one key a namespace: what a budget allows is given out by one alone. */
export function podEvictionController(context: OperatorContext<Config>, { pods }: Caches) {
  const { client, clock, config, logger, metrics, shards } = context;
  const controller = new Controller({
    name: 'pod-eviction',
    reconcile: evictionReconciler({ pods, client, clock }),
    concurrency: config.concurrency,
    keys: () => [
      ...new Set(
        pods
          .list()
          .filter(waitsForEviction)
          .map(({ metadata }) => metadata.namespace ?? ''),
      ),
    ],
    shards,
    resyncMs: config.resyncSeconds * 1000,
    logger,
    metrics,
  });
  pods.onChange(({ type, object }) => {
    if (type !== 'deleted' && waitsForEviction(object)) controller.enqueue(object.metadata.namespace ?? '');
  });
  return controller;
}
