import { isTerminating, type Key, keyOf, PODS, type Pod, type PodTransitionRule } from '@kuperator/api';
import { ApiError, type Clock, type KubeClient, NotFoundError, ServerError, ThrottledError } from '@kuperator/runtime';
import { answerTo, type LeaveWrite } from '../pod-deletion/admission.ts';
import type { Asking } from '../pod-deletion/asked.ts';
import type { DeletionMetrics } from '../pod-deletion/metrics.ts';
import { passOf } from '../pod-deletion/pass.ts';
import { NAMESPACES } from '../resources.ts';
import { type AdmissionRequest, type AdmissionVerdict, podIn } from './review.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined; observe(pod: Pod): void; hasSynced(): boolean };
  readonly rules: { byIndex(index: 'namespace', namespace: string): readonly PodTransitionRule[] };
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly metrics: Pick<DeletionMetrics, 'answered'>;
  readonly clock: Pick<Clock, 'nanos'>;
};

/** Answers requests to delete (`DELETE` of a Pod) or evict (`CREATE` of its eviction), and notes them on the Pod. */
export function leaveHandler({ pods, rules, client, metrics, clock }: Deps) {
  async function podToEvict({ namespace, name = '' }: AdmissionRequest): Promise<Pod | undefined> {
    const cached = pods.get(keyOf({ metadata: { name, ...(namespace ? { namespace } : {}) } }));
    // What a complete cache does not have is not under control, or was made a moment ago and serves nobody yet.
    if (cached || pods.hasSynced()) return cached;
    return absentAsUndefined(client.get(PODS, { namespace, name }));
  }

  async function namespaceEnds(namespace: string): Promise<boolean> {
    const found = await absentAsUndefined(client.get(NAMESPACES, { name: namespace }));
    return found !== undefined && isTerminating(found);
  }

  /** @returns false when the Pod is no longer as it was seen */
  async function note(pod: Pod, { labels, annotations }: LeaveWrite): Promise<boolean> {
    const { namespace, name = '', uid, resourceVersion } = pod.metadata;
    // Labels follow from those that were read; an annotation alone only has to find the same Pod.
    const metadata = labels ? { uid, resourceVersion, labels, annotations } : { uid, annotations };
    try {
      pods.observe(await client.patch(PODS, { namespace, name }, { type: 'merge', body: { metadata } }));
      return true;
    } catch (error) {
      const isStale = error instanceof ApiError && !(error instanceof ServerError || error instanceof ThrottledError);
      if (isStale && [404, 409, 422].includes(error.status)) return false;
      throw error;
    }
  }

  return async (what: Asking, request: AdmissionRequest): Promise<AdmissionVerdict> => {
    const pod = what === 'delete' ? podIn(request) : await podToEvict(request);
    if (!pod) return { allowed: true };
    const { namespace = '' } = pod.metadata;
    const answer = answerTo({
      what,
      pod,
      user: request.userInfo?.username ?? '',
      dryRun: request.dryRun ?? false,
      namespaceEnds: passOf(pod) === undefined && (await namespaceEnds(namespace)),
      rules: rules.byIndex('namespace', namespace),
      nanos: clock.nanos(),
    });
    if (answer.allowed) {
      metrics.answered(what, answer.because);
      return answer;
    }
    metrics.answered(what, 'wait');
    if (answer.write && !(await note(pod, answer.write))) {
      return { allowed: false, message: `Pod ${keyOf(pod)} has just changed`, retryAfterSeconds: 1 };
    }
    return answer;
  };
}

async function absentAsUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
