import { isTerminating, type Key, type KubeObject, PODS, type Pod } from '@kuperator/api';
import { type Clock, type EventRecorder, type KubeClient, NotFoundError, type Reconcile } from '@kuperator/runtime';
import { withoutNote } from './asked.ts';
import { beginLeaving, cancelLeaving } from './begin.ts';
import type { DeletionMetrics } from './metrics.ts';
import { type Patience, planLeaving } from './plan.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined; observe(pod: Pod): void; observeGone(key: Key, uid: string): void };
  readonly client: Pick<KubeClient, 'patch' | 'delete'>;
  readonly recorder: Pick<EventRecorder, 'normal' | 'warn'>;
  readonly metrics: Pick<DeletionMetrics, 'stepped'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
  readonly patience: Patience;
};

/** Leads a Pod marked `to-delete` through its operation to its deletion, and gives back the one nobody wants to go any more. */
export function deletionReconciler(deps: Deps): Reconcile {
  const { pods, client, recorder, metrics, clock, patience } = deps;

  async function write(pod: Pod, metadata: object): Promise<void> {
    const { namespace, name = '', uid = '', resourceVersion } = pod.metadata;
    const patch = { type: 'merge' as const, body: { metadata: { uid, resourceVersion, ...metadata } } };
    try {
      pods.observe(await client.patch(PODS, { namespace, name }, patch));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      pods.observeGone(`${namespace}/${name}`, uid);
    }
  }

  async function remove(pod: Pod, tell: (pod: KubeObject) => void): Promise<void> {
    const { namespace, name = '', uid = '', resourceVersion } = pod.metadata;
    // The version, too: a mark taken off in this moment keeps the Pod.
    const preconditions = { uid, ...(resourceVersion ? { resourceVersion } : {}) };
    const left = await client.delete(PODS, { namespace, name }, preconditions);
    if (left && isTerminating(left)) pods.observe(left);
    else pods.observeGone(`${namespace}/${name}`, uid);
    tell(asObject(pod));
  }

  return async (key) => {
    const pod = pods.get(key);
    if (!pod) return;
    const step = planLeaving(pod, clock.now(), patience);
    switch (step.do) {
      case 'nothing':
        return;
      case 'begin':
        metrics.stepped('begin');
        return write(pod, { labels: beginLeaving(pod, 'delete', clock.nanos(), { mark: false }) });
      case 'cancel':
        metrics.stepped('cancel');
        return write(pod, {
          labels: cancelLeaving(pod, step.what, clock.nanos()),
          annotations: withoutNote(step.what),
        });
      case 'delete':
        metrics.stepped('delete');
        return remove(pod, (object) => recorder.normal(object, 'PodDeletion', 'Deleted pod'));
      case 'let-go': {
        metrics.stepped('let-go');
        const since = new Date(step.neededSinceMs).toISOString();
        const message = `Deleted pod before it was out of traffic: the cluster has needed its place since ${since}`;
        return remove(pod, (object) => recorder.warn(object, 'PodDeletion', message));
      }
      case 'wait':
        return { requeueAfterMs: Math.ceil(step.ms) };
    }
  };
}

/** The cache keeps Pods without their kind, which an Event names. */
function asObject({ metadata }: Pod) {
  return { apiVersion: 'v1', kind: 'Pod', metadata };
}
