import { type Key, PODS, type Pod } from '@kuperator/api';
import {
  type Clock,
  type Informer,
  InvalidError,
  type KubeClient,
  NotFoundError,
  objectWriter,
} from '@kuperator/runtime';
import { annotationPatchFor, type PodPatch, podPatchFor } from './pod-patch.ts';
import type { EmployerMarks, PodChange } from './pod-plan.ts';

/** A finalizer of ours went on a Pod (`on`) or off it, and what was written with it. */
export type TrafficChange = {
  readonly traffic: 'on' | 'off';
  /** `Service/default/nginx` */
  readonly employer: string;
  readonly finalizer: string;
  /** The Pod the change was decided on, and as the API server answered it. */
  readonly before: Pod;
  readonly pod: Pod;
  /** When it was decided: the value of every lifecycle label set by the write. */
  readonly nanos: string;
};

export type PodWrite = { readonly pod: Pod; readonly change: PodChange };

export type PodWriter = {
  /** Writes all changes at once; the client bounds what is in flight. @returns the failures */
  write(marks: EmployerMarks, writes: readonly PodWrite[]): Promise<readonly unknown[]>;
  /** Takes the marks off a Pod that left the cache with them. Reads it first: there is no cached version to rely on. */
  release(marks: EmployerMarks, pod: Key, decide: (pod: Pod) => PodChange | undefined): Promise<void>;
};

export function podWriter(deps: {
  client: Pick<KubeClient, 'get' | 'patch' | 'delete'>;
  pods: Pick<Informer<Pod>, 'observe' | 'observeGone'>;
  clock: Clock;
  onTraffic: (change: TrafficChange) => void;
}): PodWriter {
  const { client, pods, clock, onTraffic } = deps;
  const writer = objectWriter({ client, resource: PODS, cache: pods });

  async function writeOne(marks: EmployerMarks, { pod, change }: PodWrite): Promise<void> {
    const nanos = clock.nanos();
    const body = podPatchFor(pod, { marks, change, nanos });
    const written = await patch(pod, body);
    if (!written || change.finalizer === undefined) return;
    const traffic = change.finalizer ? 'on' : 'off';
    onTraffic({ traffic, employer: marks.expectedKey, finalizer: marks.finalizer, before: pod, pod: written, nanos });
  }

  async function patch(pod: Pod, body: PodPatch): Promise<Pod | undefined> {
    const annotation = annotationPatchFor(body, pod);
    if (annotation) {
      try {
        return await writer.patch(pod, annotation);
      } catch (error) {
        // A stale annotation and one that a policy refuses look the same; the patch with the version tells which it is.
        if (!(error instanceof InvalidError)) throw error;
      }
    }
    return writer.patch(pod, { body });
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
