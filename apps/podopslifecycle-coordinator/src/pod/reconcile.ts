import type { Key } from '@kuperator/api';
import { ConflictError, type Reconcile } from '@kuperator/runtime';

export type Deps = {
  /** In order. Each reads the Pod from the cache, which shows what the steps before have written. */
  readonly steps: readonly Reconcile[];
  /** Reconciles the key again after `ms`, if nothing does so earlier. */
  readonly requeueAfter: (key: Key, ms: number) => void;
};

/**
 * Reconciles one Pod: all that the coordinator writes from the Pod's own key, one step after the other, so that these writes never conflict.
 * A step that fails does not keep the others from their work; a conflict does, because then the cache is stale for all of them. When the
 * shard is lost, no further step begins: the Pod has a new owner.
 */
export function podReconciler({ steps, requeueAfter }: Deps): Reconcile {
  return async (key, context) => {
    const failures: unknown[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const step of steps) {
      if (context.signal.aborted) break;
      try {
        const result = await step(key, context);
        nextMs = Math.min(nextMs, result?.requeueAfterMs ?? Number.POSITIVE_INFINITY);
      } catch (error) {
        failures.push(error);
        if (error instanceof ConflictError) break;
      }
    }
    if (failures.length === 0) return Number.isFinite(nextMs) ? { requeueAfterMs: nextMs } : undefined;
    // The backoff of the failed step must not delay what another step waits for.
    if (Number.isFinite(nextMs)) requeueAfter(key, nextMs);
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, `reconciling Pod ${key}`);
  };
}
