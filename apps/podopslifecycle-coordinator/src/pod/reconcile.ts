import type { Key } from '@kuperator/api';
import { ConflictError, type Reconcile } from '@kuperator/runtime';
import { type Deps as LeavingDeps, leavingStep } from '../leaving/step.ts';
import { type Deps as SlotDeps, slotStep } from '../slot/step.ts';
import { type Deps as LifecycleDeps, lifecycleStep } from './step.ts';

/** Reconciles the key again after `ms`, if nothing does so earlier. */
type RequeueAfter = (key: Key, ms: number) => void;

type Deps = LeavingDeps & LifecycleDeps & SlotDeps & { readonly requeueAfter: RequeueAfter };

/**
 * Reconciles one Pod: everything that the coordinator writes from the Pod's own key. Leaving comes first, because a deletion must wait
 * neither for a proof that the caches are current nor for the write of another step.
 * @see docs/decisions/0037-one-write-path-for-a-pod.md
 */
export function podReconciler({ requeueAfter, ...deps }: Deps): Reconcile {
  return inSteps([leavingStep(deps), lifecycleStep(deps), slotStep(deps)], requeueAfter);
}

/**
 * Takes the steps one after the other, so that their writes never conflict: each reads the Pod from the cache, which shows what the steps
 * before have written. A step that fails does not stop the others. A conflict does, because the cache is then stale for all of them. After
 * the shard is lost no further step begins: the Pod has a new owner.
 */
export function inSteps(steps: readonly Reconcile[], requeueAfter: RequeueAfter): Reconcile {
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
