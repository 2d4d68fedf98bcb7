import { isTerminating, type Key, keyOf, PODS, type Pod, type PodTransitionRule } from '@kuperator/api';
import { ApiError, type Clock, type KubeClient, NotFoundError, ServerError, ThrottledError } from '@kuperator/runtime';
import { answerTo, type LeaveWrite } from '../pod-deletion/admission.ts';
import type { Asking } from '../pod-deletion/asked.ts';
import type { DeletionMetrics } from '../pod-deletion/metrics.ts';
import { passOf } from '../pod-deletion/pass.ts';
import { NAMESPACES } from '../resources.ts';
import type { Holds } from './holds.ts';
import { type AdmissionRequest, type AdmissionVerdict, isOfPlainCollection, podIn } from './review.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined; observe(pod: Pod): void; hasSynced(): boolean };
  readonly rules: { byIndex(index: 'namespace', namespace: string): readonly PodTransitionRule[] };
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly metrics: Pick<DeletionMetrics, 'answered'>;
  readonly clock: Pick<Clock, 'nanos' | 'monotonic'>;
  readonly holds: Pick<Holds, 'until'>;
  /** How long a request may be held until its Pod may go. */
  readonly holdMs: number;
};

/** Of a call by the API server: how long it waits for the answer, if it says so, and whether it still does. */
export type Call = { readonly timeoutMs?: number | undefined; readonly signal: AbortSignal };

/** The same for every Pod, so that the client is told once. */
const LATER = 'Pods in service are taken out of it first, and then deleted by podopslifecycle-coordinator';

/** Answers requests to delete (`DELETE` of a Pod) or evict (`CREATE` of its eviction), and notes them on the Pod. */
export function leaveHandler({ pods, rules, client, metrics, clock, holds, holdMs }: Deps) {
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

  /** The API server looks at an eviction once, and not at its Pod: what our cache says may be over, or of an earlier Pod. */
  async function isToGo({ metadata: { namespace, name = '' } }: Pod): Promise<boolean> {
    const pod = await absentAsUndefined(client.get(PODS, { namespace, name }));
    return !pod || passOf(pod) !== undefined;
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

  return async (what: Asking, request: AdmissionRequest, { timeoutMs, signal }: Call): Promise<AdmissionVerdict> => {
    const deadline = clock.monotonic() + holdMsWithin(timeoutMs, holdMs);
    const asked = what === 'delete' ? podIn(request) : await podToEvict(request);
    if (!asked) return { allowed: true };
    const { namespace = '' } = asked.metadata;
    const ends = passOf(asked) === undefined && (await namespaceEnds(namespace));
    const answerFor = (pod: Pod) =>
      answerTo({
        what,
        pod,
        user: request.userInfo?.username ?? '',
        dryRun: request.dryRun ?? false,
        namespaceEnds: ends,
        rules: rules.byIndex('namespace', namespace),
        nanos: clock.nanos(),
      });
    const wait = (pod: Pod, isAwaited: (now: Pod) => boolean) =>
      holds.until(pod, { ms: deadline - clock.monotonic(), signal, isAwaited });
    const letGo = async (because: string, warning?: string): Promise<AdmissionVerdict> => {
      const isByCache = what === 'evict' && (because === 'permitted' || because === 'gone');
      if (isByCache && !(await isToGo(asked))) return changed(asked);
      metrics.answered(what, because);
      return { allowed: true, ...(warning ? { warning } : {}) };
    };

    const passOver = isOfPlainCollection(request);
    // The walk through a large collection may take longer than a request may: better to be told to go on than of a timeout.
    const isNearItsEnd = timeoutMs !== undefined && timeoutMs <= MARGIN_MS;
    let pod = asked;
    for (;;) {
      const answer = answerFor(pod);
      if (answer.allowed) return letGo(answer.because, answer.warning);
      // Nobody comes back for this one, so nobody is to be waited for.
      const write = passOver ? labelsOnly(answer.write) : answer.write;
      if (write && !(await note(pod, write))) {
        const next = await wait(pod, () => true);
        if (next === 'gone') return letGo('gone');
        if (!next) return changed(pod);
        pod = next;
        continue;
      }
      if (passOver) {
        metrics.answered(what, 'later');
        if (isNearItsEnd) return { allowed: false, message: answer.message, retryAfterSeconds: 1 };
        return { allowed: false, passOver: true, message: answer.message, warning: LATER };
      }
      const next = await wait(pod, (now) => passOf(now) !== undefined);
      if (next) return letGo(next === 'gone' ? next : (passOf(next) ?? 'gone'));
      metrics.answered(what, 'wait');
      // Meanwhile somebody else may hold it.
      const now = answerFor(pods.get(keyOf(pod)) ?? pod);
      return now.allowed ? answer : now;
    }
  };
}

/** Both may be away by a second from what the API server counts, which rounds up; and answering takes a moment. */
const MARGIN_MS = 2000;

function holdMsWithin(timeoutMs: number | undefined, holdMs: number): number {
  return timeoutMs === undefined ? holdMs : Math.min(holdMs, timeoutMs - MARGIN_MS);
}

function labelsOnly({ labels }: LeaveWrite = {}): LeaveWrite | undefined {
  return labels ? { labels } : undefined;
}

function changed(pod: Pod): AdmissionVerdict {
  return { allowed: false, message: `Pod ${keyOf(pod)} has just changed`, retryAfterSeconds: 1 };
}

async function absentAsUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
