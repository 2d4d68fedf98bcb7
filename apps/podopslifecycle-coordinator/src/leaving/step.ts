import type { Key, KubeObject, Pod } from '@kuperator/api';
import type { Clock, EventRecorder, ObjectWriter, Reconcile } from '@kuperator/runtime';
import { beginLeaving, cancelLeaving } from './begin.ts';
import type { LeavingMetrics } from './metrics.ts';
import { type LeavingLimits, planLeaving } from './plan.ts';
import { withoutRequestNote } from './request-notes.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined };
  readonly writer: ObjectWriter<Pod>;
  readonly recorder: Pick<EventRecorder, 'normal' | 'warn'>;
  readonly metrics: Pick<LeavingMetrics, 'stepped'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
  readonly limits: LeavingLimits;
};

/**
 * The part of a Pod's reconcile that takes the Pod away: it drains and deletes a Pod that is marked `to-delete`, and returns a Pod to service
 * once its deletion or eviction is no longer wanted.
 */
export function leavingStep({ pods, writer, recorder, metrics, clock, limits }: Deps): Reconcile {
  return async (key) => {
    const pod = pods.get(key);
    if (!pod) return;
    const step = planLeaving(pod, clock.now(), limits);
    switch (step.do) {
      case 'nothing':
        return;
      case 'wait':
        return { requeueAfterMs: Math.ceil(step.ms) };
      case 'begin': {
        metrics.stepped('begin');
        const labels = beginLeaving(pod, { departure: 'delete', nanos: clock.nanos(), mark: false });
        await writer.patch(pod, { body: { metadata: { labels } } });
        return;
      }
      case 'cancel': {
        metrics.stepped('cancel');
        const labels = cancelLeaving(pod, step.departure, clock.nanos());
        await writer.patch(pod, { body: { metadata: { labels, annotations: withoutRequestNote(step.departure) } } });
        return;
      }
      // The deletion holds for this version only: if a user removes the mark at this moment, the Pod stays.
      case 'delete':
        metrics.stepped('delete');
        await writer.delete(pod);
        recorder.normal(asObject(pod), 'PodDeletion', 'Deleted pod');
        return;
      case 'let-go': {
        metrics.stepped('let-go');
        await writer.delete(pod);
        const since = new Date(step.neededSinceMs).toISOString();
        const message = `Deleted pod before it was out of traffic: the cluster has needed its place since ${since}`;
        recorder.warn(asObject(pod), 'PodDeletion', message);
        return;
      }
    }
  };
}

/** An Event names the kind of its object, which the cache does not keep. */
function asObject({ metadata }: Pod): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata };
}
