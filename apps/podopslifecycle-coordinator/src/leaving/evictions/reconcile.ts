import { matchesSelector, POD_EVICT_OPERATION_ID, PODS, type Pod, selectorToString } from '@kuperator/api';
import { hasOperation, isEmpty } from '@kuperator/lifecycle';
import { type Clock, ConflictError, type KubeClient, type ObjectWriter, type Reconcile } from '@kuperator/runtime';
import { POD_DISRUPTION_BUDGETS, type PodDisruptionBudget } from '../../resources.ts';
import { beginLeaving, isMarkedToDelete } from '../begin.ts';
import { clearanceOf } from '../clearance.ts';
import { requestedAt } from '../request-notes.ts';
import { type Eviction, evictionUnder } from './budget.ts';

type Deps = {
  readonly pods: { byIndex(index: 'evicting', namespace: string): readonly Pod[] };
  readonly writer: Pick<ObjectWriter<Pod>, 'patch'>;
  readonly client: Pick<KubeClient, 'list'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
};

/** How soon to look again at a budget without room. Most changes of a budget cause no event that the coordinator sees. */
const NO_ROOM_MS = 2000;

/** Whether a client wants to evict the Pod and the drain has not begun. */
export function waitsForEviction(pod: Pod): boolean {
  return (
    clearanceOf(pod) === undefined &&
    requestedAt(pod, 'evict') !== undefined &&
    !isMarkedToDelete(pod) &&
    !hasOperation(pod, POD_EVICT_OPERATION_ID)
  );
}

/**
 * Begins the drain of the Pods of one namespace that are to be evicted, as far as the PodDisruptionBudgets allow. The key is the namespace:
 * the Pods are decided one after the other, each from the API server's own state, so that no two Pods are drained on one allowance.
 */
export function evictionReconciler({ pods, writer, client, clock }: Deps): Reconcile {
  async function allowed(pod: Pod, namespace: string, budgets: readonly PodDisruptionBudget[]): Promise<Eviction> {
    const [budget, another] = budgets.filter(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels));
    if (!budget) return 'yes';
    // The eviction API refuses such a Pod for good, so a drain would be in vain.
    if (another) return 'no';
    const labelSelector = selectorToString(budget.spec.selector ?? {});
    const { items } = await client.list(PODS, { namespace, ...(labelSelector && { labelSelector }) });
    return evictionUnder(budget, { pods: items, pod, nowMs: clock.now() });
  }

  /** @returns false if the Pod has changed since it was read */
  async function begin(pod: Pod, how: Eviction): Promise<boolean> {
    const departure = how === 'delete' ? 'delete' : 'evict';
    const labels = beginLeaving(pod, { departure, nanos: clock.nanos(), mark: how === 'delete' });
    if (isEmpty(labels)) return true;
    try {
      await writer.patch(pod, { body: { metadata: { labels } } });
      return true;
    } catch (error) {
      if (error instanceof ConflictError) return false;
      throw error;
    }
  }

  return async (namespace, { signal }) => {
    const waiting = pods.byIndex('evicting', namespace).filter(waitsForEviction);
    if (waiting.length === 0) return;
    const { items: budgets } = await client.list(POD_DISRUPTION_BUDGETS, { namespace });
    let left = 0;
    const inOrder = waiting.toSorted((a, b) => (requestedAt(a, 'evict') ?? 0) - (requestedAt(b, 'evict') ?? 0));
    for (const pod of inOrder) {
      const how = await allowed(pod, namespace, budgets);
      // Without its Lease this replica no longer decides for the namespace: the new owner may be giving out the same allowance.
      if (signal.aborted) return;
      // After a conflict the next Pod is decided all the same: it need not wait until the cache shows this one as it is.
      if (how === 'no' || !(await begin(pod, how))) left++;
    }
    return left > 0 ? { requeueAfterMs: NO_ROOM_MS } : undefined;
  };
}
