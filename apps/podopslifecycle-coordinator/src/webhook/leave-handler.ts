import { isTerminating, type Key, keyOf, PODS, type Pod, type PodTransitionRule } from '@kuperator/api';
import {
  ApiError,
  type Clock,
  compareResourceVersions,
  type KubeClient,
  NotFoundError,
  ServerError,
  ThrottledError,
} from '@kuperator/runtime';
import { answerTo, type LeaveAnswer, type LeaveWrite } from '../pod-deletion/admission.ts';
import type { Asking } from '../pod-deletion/asked.ts';
import { longHolds } from '../pod-deletion/holder.ts';
import type { DeletionMetrics } from '../pod-deletion/metrics.ts';
import { passOf } from '../pod-deletion/pass.ts';
import { isProgram, isScheduler } from '../pod-deletion/patience.ts';
import { whyNotBegun } from '../pod-eviction/not-begun.ts';
import { NAMESPACES, POD_DISRUPTION_BUDGETS } from '../resources.ts';
import type { Holds } from './holds.ts';
import { type AdmissionRequest, type AdmissionVerdict, isAbout, isOfPlainCollection, podIn } from './review.ts';

export type Deps = {
  readonly pods: {
    get(key: Key): Pod | undefined;
    byIndex(index: 'marked', namespace: string): readonly Pod[];
    observe(pod: Pod): void;
    /** Whether the cache holds all there is of the namespace. */
    isCurrent(namespace: string): boolean;
  };
  /** Whether an operator has a live Lease; undefined: not known. */
  readonly isRunning: (app: string) => boolean | undefined;
  readonly rules: { byIndex(index: 'namespace', namespace: string): readonly PodTransitionRule[] };
  readonly client: Pick<KubeClient, 'get' | 'list' | 'patch'>;
  readonly metrics: Pick<DeletionMetrics, 'answered'>;
  readonly clock: Pick<Clock, 'now' | 'nanos' | 'monotonic'>;
  readonly holds: Pick<Holds, 'until'>;
  /** How long a request may be held until its Pod may go. */
  readonly holdMs: number;
  /** How long a Pod whose place the cluster needs is drained. */
  readonly clusterNeedsMs: number;
};

/** Of a call by the API server: how long it waits for the answer, if it says so, and whether it still does. */
export type Call = { readonly timeoutMs?: number | undefined; readonly signal: AbortSignal };

/** The same for every Pod, so that the client is told once. */
const LATER = 'Pods in service are taken out of it first, and then deleted by podopslifecycle-coordinator';

/** A Pod that is written all the time is tried so often; then its client is told to come back. */
const ATTEMPTS = 5;

/** Answers requests to delete (`DELETE` of a Pod) or evict (`CREATE` of its eviction), and notes them on the Pod. */
export function leaveHandler({ pods, rules, isRunning, client, metrics, clock, holds, holdMs, clusterNeedsMs }: Deps) {
  const read = ({ namespace, name = '' }: { namespace?: string | undefined; name?: string | undefined }) =>
    absentAsUndefined(client.get(PODS, { namespace, name }));

  /**
   * The Pod that a review is about, as the API server has it: what a review says of a Pod is only believed where it changes nothing.
   * @returns undefined when there is no such Pod (any more); `newer` when the review speaks of a version that nobody has written yet
   */
  async function podOf(asked: Pod): Promise<Pod | 'newer' | undefined> {
    const { uid, resourceVersion } = asked.metadata;
    const cached = pods.get(keyOf(asked));
    if (cached && cached.metadata.uid === uid && cached.metadata.resourceVersion === resourceVersion) return cached;
    // The cache is behind the API server, or the API server decides by its own, which is behind the cache.
    const now = await afresh(asked);
    return now && compareResourceVersions(resourceVersion, now.metadata.resourceVersion) > 0 ? 'newer' : now;
  }

  async function podToEvict({ namespace = '', name = '' }: AdmissionRequest): Promise<Pod | undefined> {
    const cached = pods.get(keyOf({ metadata: { namespace, name } }));
    // What a current cache does not have is not under control, or was made a moment ago and serves nobody yet.
    return pods.isCurrent(namespace) ? cached : read({ namespace, name });
  }

  async function namespaceEnds(namespace: string): Promise<boolean> {
    const found = await absentAsUndefined(client.get(NAMESPACES, { name: namespace }));
    return found !== undefined && isTerminating(found);
  }

  /** The Pod as the API server has it; undefined when it is gone. */
  async function afresh({ metadata }: Pod): Promise<Pod | undefined> {
    const pod = await read(metadata);
    return pod?.metadata.uid === metadata.uid ? pod : undefined;
  }

  /** The API server looks at an eviction once, and not at its Pod: what our cache says may be over, or of an earlier Pod. */
  async function isToGo({ metadata }: Pod): Promise<boolean> {
    const pod = await read(metadata);
    return !pod || passOf(pod) !== undefined;
  }

  /** @returns false when the Pod is no longer as it was seen */
  async function note(pod: Pod, { labels, annotations }: LeaveWrite): Promise<boolean> {
    const { namespace, name = '', uid, resourceVersion } = pod.metadata;
    const metadata = { uid, resourceVersion, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
    try {
      pods.observe(await client.patch(PODS, { namespace, name }, { type: 'merge', body: { metadata } }));
      return true;
    } catch (error) {
      const isStale = error instanceof ApiError && !(error instanceof ServerError || error instanceof ThrottledError);
      if (isStale && [404, 409, 422].includes(error.status)) return false;
      throw error;
    }
  }

  function goneBefore(what: Asking): AdmissionVerdict {
    metrics.answered(what, 'gone');
    return { allowed: true };
  }

  return async (what: Asking, request: AdmissionRequest, { timeoutMs, signal }: Call): Promise<AdmissionVerdict> => {
    const lastMs = clock.monotonic() + (timeoutMs === undefined ? holdMs : timeoutMs - MARGIN_MS);
    const shown = what === 'delete' ? podIn(request) : await podToEvict(request);
    if (!shown) return { allowed: true };
    if (!isAbout(request, shown)) return { allowed: false, message: 'the request names another Pod than it shows' };
    const user = request.userInfo?.username ?? '';
    const { namespace = '' } = shown.metadata;
    const isFree = user.startsWith('system:node:') || passOf(shown) !== undefined;
    const asked = what === 'evict' || isFree ? shown : await podOf(shown);
    if (asked === 'newer') return changed(shown, user);
    if (!asked) return goneBefore(what);
    const ends = passOf(asked) === undefined && (await namespaceEnds(namespace));
    const facts = () => ({ rules: rules.byIndex('namespace', namespace), nowMs: clock.now(), isRunning });
    const answerFor = (pod: Pod, notBegun?: string): LeaveAnswer =>
      answerTo({
        what,
        pod,
        user,
        dryRun: request.dryRun ?? false,
        namespaceEnds: ends,
        facts: facts(),
        longHolds:
          what === 'delete' && !isProgram(user) ? longHolds(pods.byIndex('marked', namespace), pod, facts()) : [],
        notBegun,
        holdMs,
        clusterNeedsMs,
        nanos: clock.nanos(),
      });
    const letGo = async (because: string, warning?: string): Promise<AdmissionVerdict> => {
      const isByCache = what === 'evict' && (because === 'permitted' || because === 'gone');
      if (isByCache && !(await isToGo(asked))) return changed(asked, user);
      metrics.answered(what, because);
      return { allowed: true, ...(warning ? { warning } : {}) };
    };
    /** Says who holds the Pod now, which may be somebody else than before the wait. */
    const refuse = async (pod: Pod, before: Refused): Promise<AdmissionVerdict> => {
      const now = pods.get(keyOf(pod)) ?? pod;
      const answer = answerFor(now);
      const refused = answer.allowed ? before : answer;
      const told = refused.isNotBegun ? answerFor(now, await whyNotBegunOf(now)) : refused;
      const { message, retryAfterSeconds } = told.allowed ? refused : told;
      if (what === 'delete' && isScheduler(user)) {
        metrics.answered(what, 'later');
        return { allowed: false, passOver: true, message, warning: LATER };
      }
      metrics.answered(what, retryAfterSeconds === undefined ? 'refused' : 'wait');
      return { allowed: false, message, retryAfterSeconds };
    };

    const passOver = isOfPlainCollection(request);
    // The walk through a large collection may take longer than a request may: better to be told to go on than of a timeout.
    const isNearItsEnd = timeoutMs !== undefined && timeoutMs <= MARGIN_MS;
    let pod = asked;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answer = answerFor(pod);
      if (answer.allowed) return letGo(answer.because, answer.warning);
      // Nobody comes back for this one, so nobody is to be waited for.
      const write = passOver ? labelsOnly(answer.write) : answer.write;
      if (write && !(await note(pod, write))) {
        const now = await afresh(pod);
        if (!now) return letGo('gone');
        pod = now;
        continue;
      }
      if (passOver) {
        metrics.answered(what, 'later');
        if (isNearItsEnd) return { allowed: false, message: answer.message, ...comeBack(user) };
        return { allowed: false, passOver: true, message: answer.message, warning: LATER };
      }
      const ms = Math.min(answer.holdMs, lastMs - clock.monotonic());
      const next = await holds.until(pod, { ms, signal, isAwaited: (now) => passOf(now) !== undefined });
      if (next) return letGo(next === 'gone' ? next : (passOf(next) ?? 'gone'));
      return refuse(pod, answer);
    }
    return changed(pod, user);
  };

  /** Not cached: asked only for evictions that have to be refused. That it cannot be told lets no Pod go. */
  async function whyNotBegunOf(pod: Pod): Promise<string | undefined> {
    try {
      const { items } = await client.list(POD_DISRUPTION_BUDGETS, { namespace: pod.metadata.namespace ?? '' });
      return whyNotBegun(pod, items);
    } catch {
      return undefined;
    }
  }
}

type Refused = Extract<LeaveAnswer, { allowed: false }>;

/** Both may be away by a second from what the API server counts, which rounds up; and answering takes a moment. */
const MARGIN_MS = 2000;

function labelsOnly({ labels }: LeaveWrite = {}): LeaveWrite | undefined {
  return labels ? { labels } : undefined;
}

function changed(pod: Pod, user: string): AdmissionVerdict {
  return { allowed: false, message: `Pod ${keyOf(pod)} has just changed: try again`, ...comeBack(user) };
}

function comeBack(user: string): { retryAfterSeconds?: number } {
  return isProgram(user) ? {} : { retryAfterSeconds: 1 };
}

async function absentAsUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
