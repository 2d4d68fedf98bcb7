import {
  type Key,
  matchesSelector,
  POD_EVICT_OPERATION_ID,
  PODS,
  type Pod,
  selectorToString,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { hasOperation, isEmpty } from '@kuperator/lifecycle';
import { type Clock, ConflictError, type KubeClient, NotFoundError, type Reconcile } from '@kuperator/runtime';
import { askedAt } from '../pod-deletion/asked.ts';
import { beginLeaving } from '../pod-deletion/begin.ts';
import { passOf } from '../pod-deletion/pass.ts';
import { POD_DISRUPTION_BUDGETS, type PodDisruptionBudget } from '../resources.ts';
import { type Eviction, evictionUnder } from './budget.ts';

export type Deps = {
  readonly pods: {
    byIndex(index: 'evicting', namespace: string): readonly Pod[];
    observe(pod: Pod): void;
    observeGone(key: Key, uid: string): void;
  };
  readonly client: Pick<KubeClient, 'list' | 'patch'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
};

/** A budget without room is looked at again after so long; most changes of it go with no event of ours. */
const NO_ROOM_MS = 2000;

/** True for a Pod somebody wants to evict and whose drain has not begun. */
export function waitsForEviction(pod: Pod): boolean {
  return (
    passOf(pod) === undefined &&
    askedAt(pod, 'evict') !== undefined &&
    pod.metadata.labels?.[TO_DELETE_LABEL] === undefined &&
    !hasOperation(pod, POD_EVICT_OPERATION_ID)
  );
}

/**
 * Begins the drain of Pods to be evicted from one namespace, as its PodDisruptionBudgets allow. The key is the namespace: one after
 * the other, each counted from the API server's own state, so that no two Pods are drained on one allowance.
 */
export function evictionReconciler({ pods, client, clock }: Deps): Reconcile {
  async function allowed(pod: Pod, namespace: string, budgets: readonly PodDisruptionBudget[]): Promise<Eviction> {
    const [budget, another] = budgets.filter(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels));
    if (!budget) return 'yes';
    // The eviction API refuses it for good; to drain it would be in vain.
    if (another) return 'no';
    const labelSelector = selectorToString(budget.spec.selector ?? {});
    const { items } = await client.list(PODS, { namespace, ...(labelSelector && { labelSelector }) });
    return evictionUnder(budget, items, pod, clock.now());
  }

  async function begin(pod: Pod, how: Eviction): Promise<void> {
    const { namespace, name = '', uid = '', resourceVersion } = pod.metadata;
    const labels =
      how === 'delete'
        ? beginLeaving(pod, 'delete', clock.nanos(), { mark: true })
        : beginLeaving(pod, 'evict', clock.nanos(), { mark: false });
    if (isEmpty(labels)) return;
    const patch = { type: 'merge' as const, body: { metadata: { uid, resourceVersion, labels } } };
    pods.observe(await client.patch(PODS, { namespace, name }, patch));
  }

  return async (namespace) => {
    const waiting = pods.byIndex('evicting', namespace).filter(waitsForEviction);
    if (waiting.length === 0) return;
    const { items: budgets } = await client.list(POD_DISRUPTION_BUDGETS, { namespace });
    let left = 0;
    const inOrder = waiting.toSorted((a, b) => (askedAt(a, 'evict') ?? 0) - (askedAt(b, 'evict') ?? 0));
    for (const pod of inOrder) {
      const how = await allowed(pod, namespace, budgets);
      if (how === 'no') {
        left++;
        continue;
      }
      try {
        await begin(pod, how);
      } catch (error) {
        if (error instanceof NotFoundError)
          pods.observeGone(`${namespace}/${pod.metadata.name}`, pod.metadata.uid ?? '');
        // The others need not wait until this one's cache is fresh.
        else if (error instanceof ConflictError) left++;
        else throw error;
      }
    }
    return left > 0 ? { requeueAfterMs: NO_ROOM_MS } : undefined;
  };
}
