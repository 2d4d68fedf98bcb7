import { isTerminating, type Key, PODS, type Pod, type PodTransitionRule } from '@kuperator/api';
import {
  type Clock,
  type EventRecorder,
  type KubeClient,
  maySelect,
  NotFoundError,
  type Reconcile,
  type SELECTING,
} from '@kuperator/runtime';
import { heldInVain } from './plan.ts';

/**
 * How long a slot may be held in vain. Long beside the moments in which one rule object has given its slot and the next is
 * about to; short beside what a Pod waits for.
 */
export const PATIENCE_MS = 30_000;

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined; observe(pod: Pod): void; observeGone(key: Key, uid: string): void };
  readonly rules: { byIndex(index: typeof SELECTING, value: string): readonly PodTransitionRule[] };
  readonly client: Pick<KubeClient, 'patch'>;
  readonly recorder: Pick<EventRecorder, 'normal'>;
  readonly clock: Pick<Clock, 'monotonic'>;
};

/** Has the operations of a Pod ask anew once it has held a slot in vain for too long: docs/decisions/0013. */
export function slotReconciler({ pods, rules, client, recorder, clock }: Deps): Reconcile {
  /** Since when; a restart only makes it longer. */
  const seen = new Map<Key, { run: string; atMs: number }>();
  return async (key) => {
    const pod = pods.get(key);
    const held = pod && !isTerminating(pod) ? heldInVain(pod, maySelect(rules, pod)) : undefined;
    if (!pod || !held) {
      seen.delete(key);
      return;
    }
    const known = seen.get(key);
    if (known?.run !== held.run) seen.set(key, { run: held.run, atMs: clock.monotonic() });
    const waitMs = known?.run === held.run ? known.atMs + PATIENCE_MS - clock.monotonic() : PATIENCE_MS;
    if (waitMs > 0) return { requeueAfterMs: Math.ceil(waitMs) };
    const { namespace, name = '', uid = '', resourceVersion } = pod.metadata;
    const patch = { type: 'merge' as const, body: { metadata: { uid, resourceVersion, labels: held.labels } } };
    try {
      pods.observe(await client.patch(PODS, { namespace, name }, patch));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      return pods.observeGone(key, uid);
    }
    seen.delete(key);
    recorder.normal(
      { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata },
      'SlotGivenBack',
      `gives back the slot of PodTransitionRule ${held.holding.join(', ')}: PodTransitionRule ${held.refusing.join(', ')} has refused it for ${PATIENCE_MS / 1000} s`,
    );
  };
}
