import { type Key, keyOf, PODS, type Pod } from '@kuperator/api';
import { type Clock, type Informer, InvalidError, type KubeClient, NotFoundError } from '@kuperator/runtime';
import { annotationPatchFor, type PodPatch, podPatchFor } from './pod-patch.ts';
import type { EmployerMarks, PodChange } from './pod-plan.ts';

/** A finalizer of this framework that was added to a Pod (`on`) or removed from it, and the rest of that write. */
export type TrafficChange = {
  readonly traffic: 'on' | 'off';
  /** `Service/default/nginx` */
  readonly employer: string;
  readonly finalizer: string;
  /** The Pod from which the change was decided, and the Pod that the API server returned. */
  readonly before: Pod;
  readonly pod: Pod;
  /** The time of the decision. It is the value of every lifecycle label that the write sets. */
  readonly nanos: string;
};

export type PodWrite = { readonly pod: Pod; readonly change: PodChange };

export type PodWriter = {
  /** Writes all changes concurrently; the client limits the number of requests. @returns the failures */
  write(marks: EmployerMarks, writes: readonly PodWrite[]): Promise<readonly unknown[]>;
  /** Removes the marks from a Pod that left the cache with them. Reads the Pod first, because there is no cached version. */
  release(marks: EmployerMarks, pod: Key, decide: (pod: Pod) => PodChange | undefined): Promise<void>;
};

export function podWriter(deps: {
  client: Pick<KubeClient, 'get' | 'patch'>;
  pods: Pick<Informer<Pod>, 'observe' | 'observeGone'>;
  clock: Clock;
  onTraffic: (change: TrafficChange) => void;
}): PodWriter {
  const { client, pods, clock, onTraffic } = deps;

  async function writeOne(marks: EmployerMarks, { pod, change }: PodWrite): Promise<void> {
    const nanos = clock.nanos();
    const body = podPatchFor(pod, { marks, change, nanos });
    const { uid = '' } = pod.metadata;
    try {
      const written = await patch(pod, body);
      pods.observe(written);
      if (change.finalizer === undefined) return;
      const traffic = change.finalizer ? 'on' : 'off';
      onTraffic({ traffic, employer: marks.expectedKey, finalizer: marks.finalizer, before: pod, pod: written, nanos });
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      pods.observeGone(keyOf(pod), uid);
    }
  }

  async function patch(pod: Pod, body: PodPatch): Promise<Pod> {
    const { namespace, name = '' } = pod.metadata;
    const annotation = annotationPatchFor(body, pod);
    if (annotation) {
      try {
        return await client.patch(PODS, { namespace, name }, annotation);
      } catch (error) {
        // A stale annotation and a refusal by a policy look the same. The patch with the version shows which of the two it is.
        if (!(error instanceof InvalidError)) throw error;
      }
    }
    return client.patch(PODS, { namespace, name }, { type: 'merge', body });
  }

  return {
    async write(marks, writes) {
      const results = await Promise.allSettled(writes.map((write) => writeOne(marks, write)));
      return results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
    },
    async release(marks, key, decide) {
      const [namespace, name = ''] = key.split('/');
      try {
        const pod = await client.get(PODS, { namespace, name });
        const change = decide(pod);
        if (change) await writeOne(marks, { pod, change });
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
      }
    },
  };
}
