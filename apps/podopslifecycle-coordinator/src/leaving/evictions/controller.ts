import type { Pod } from '@kuperator/api';
import { Controller, type Informer, type ObjectWriter, type OperatorContext } from '@kuperator/runtime';
import type { Config } from '../../config.ts';
import { evictionReconciler, waitsForEviction } from './reconcile.ts';

/**
 * Pods that a client wants to evict → one key per namespace. Not one per Pod: all evictions of a namespace share the allowances of its
 * PodDisruptionBudgets, so one replica gives them out, one after the other (docs/decisions/0037-one-write-path-for-a-pod.md).
 */
export function evictionController(
  context: OperatorContext<Config>,
  /** `pods` with the indexes of `caches.ts`. */
  { pods, writer }: { readonly pods: Informer<Pod>; readonly writer: ObjectWriter<Pod> },
) {
  const { client, clock, config, logger, metrics, shards } = context;
  const controller = new Controller({
    name: 'pod-eviction',
    reconcile: evictionReconciler({ pods, writer, client, clock }),
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
