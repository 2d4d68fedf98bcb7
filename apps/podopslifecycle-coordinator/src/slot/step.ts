import { isTerminating, type Key, type Pod, type PodTransitionRule } from '@kuperator/api';
import type { Clock, EventRecorder, ObjectWriter, Reconcile } from '@kuperator/runtime';
import { maySelect, type SELECTING } from '@kuperator/runtime';
import { heldInVain } from './plan.ts';

/**
 * How long a Pod may hold a slot in vain. This is long compared with the moments between the slot of one rule object and that of the next,
 * and short compared with the time for which Pods wait.
 */
export const GIVE_BACK_MS = 30_000;

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined };
  readonly rules: { byIndex(index: typeof SELECTING, value: string): readonly PodTransitionRule[] };
  readonly writer: Pick<ObjectWriter<Pod>, 'patch'>;
  readonly recorder: Pick<EventRecorder, 'normal'>;
  readonly clock: Pick<Clock, 'monotonic'>;
};

/**
 * The part of a Pod's reconcile that gives slots back: if the Pod has held a slot in vain for too long, its operations begin another run.
 * @see docs/decisions/0013-several-rule-objects.md
 */
export function slotStep({ pods, rules, writer, recorder, clock }: Deps): Reconcile {
  /** Since when each Pod holds its slot in vain. A restart begins the time again, which only makes it longer. */
  const since = new Map<Key, { run: string; atMs: number }>();
  return async (key) => {
    const pod = pods.get(key);
    const held = pod && !isTerminating(pod) ? heldInVain(pod, () => maySelect(rules, pod)) : undefined;
    if (!pod || !held) {
      since.delete(key);
      return;
    }
    const seen = since.get(key);
    if (seen?.run !== held.run) since.set(key, { run: held.run, atMs: clock.monotonic() });
    const waitMs = seen?.run === held.run ? seen.atMs + GIVE_BACK_MS - clock.monotonic() : GIVE_BACK_MS;
    if (waitMs > 0) return { requeueAfterMs: Math.ceil(waitMs) };
    if (!(await writer.patch(pod, { body: { metadata: { labels: held.labels } } }))) return;
    since.delete(key);
    recorder.normal(
      { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata },
      'SlotGivenBack',
      `Gave back the slot of PodTransitionRule ${held.holding.join(', ')}: PodTransitionRule ${held.refusing.join(', ')} has refused the Pod for ${GIVE_BACK_MS / 1000} s`,
    );
  };
}
