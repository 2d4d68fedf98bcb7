import { keyOf, type Pod, type PodTransitionRule } from '@kuperator/api';
import { type Clock, ConflictError, InvalidError, type KubeClient, type ObjectWriter } from '@kuperator/runtime';
import { POD_DISRUPTION_BUDGETS } from '../../resources.ts';
import {
  type AdmissionRequest,
  type AdmissionVerdict,
  type Call,
  isAbout,
  isOfPlainCollection,
  podIn,
} from '../../webhook/review.ts';
import { clearanceOf } from '../clearance.ts';
import type { LeavingMetrics } from '../metrics.ts';
import { isProgram, isScheduler } from '../patience.ts';
import type { Departure } from '../request-notes.ts';
import { answerTo, type LeaveAnswer, type LeaveWrite } from './answer.ts';
import type { HeldRequests } from './held-requests.ts';
import { longHolders } from './holder.ts';
import { whyNotBegun } from './not-begun.ts';
import { isNamespaceEnding, mayLeaveNow, podToEvict, type ReadDeps, readAgain, storedPod } from './pod-reads.ts';

type Deps = {
  readonly pods: ReadDeps['pods'] & { byIndex(index: 'marked', namespace: string): readonly Pod[] };
  readonly writer: Pick<ObjectWriter<Pod>, 'patch'>;
  /** Whether an operator has a live Lease; undefined if that is not known. */
  readonly isRunning: (app: string) => boolean | undefined;
  readonly rules: { byIndex(index: 'namespace', namespace: string): readonly PodTransitionRule[] };
  readonly client: Pick<KubeClient, 'get' | 'list'>;
  readonly metrics: Pick<LeavingMetrics, 'answered'>;
  readonly clock: Pick<Clock, 'now' | 'nanos' | 'monotonic'>;
  readonly heldRequests: Pick<HeldRequests, 'until'>;
  /** How long a request may be held until its Pod may leave. */
  readonly holdMs: number;
  /** How long a Pod whose place the cluster needs is drained. */
  readonly clusterNeedsMs: number;
};

/** One request, with what was found out about it before the first answer. */
type Review = {
  readonly departure: Departure;
  readonly request: AdmissionRequest;
  readonly call: Call;
  readonly user: string;
  /** As it was when the request arrived. */
  readonly pod: Pod;
  readonly namespaceEnds: boolean;
  /** When the request has to be answered, on the monotonic clock. */
  readonly dueMs: number;
};

/** The same text for every Pod, so that kubectl prints it once. */
const LATER = 'podopslifecycle-coordinator takes Pods out of traffic before it deletes them';
/** How often to try to mark a Pod that keeps changing. After that the client is asked to come back. */
const ATTEMPTS = 5;
/** The API server rounds its timeout up to a second, our count may be off by another, and the answer itself takes a moment. */
const MARGIN_MS = 2000;

/** Answers requests to delete a Pod (`DELETE`) or to evict it (`CREATE` of its eviction), and records them on the Pod. */
export function leaveHandler(deps: Deps) {
  const { clock, holdMs, metrics } = deps;
  return async (departure: Departure, request: AdmissionRequest, call: Call): Promise<AdmissionVerdict> => {
    const { timeoutMs } = call;
    const dueMs = clock.monotonic() + (timeoutMs === undefined ? holdMs : timeoutMs - MARGIN_MS);
    const shown = departure === 'delete' ? podIn(request) : await podToEvict(deps, request);
    if (!shown) return { allowed: true };
    if (!isAbout(request, shown)) {
      return { allowed: false, message: 'the request names another Pod than the one it contains' };
    }
    const user = request.userInfo?.username ?? '';
    const isFree = user.startsWith('system:node:') || clearanceOf(shown) !== undefined;
    const pod = departure === 'evict' || isFree ? shown : await storedPod(deps, shown);
    if (pod === 'newer') return changed(shown, user);
    if (!pod) {
      metrics.answered(departure, 'gone');
      return { allowed: true };
    }
    const namespaceEnds =
      clearanceOf(pod) === undefined && (await isNamespaceEnding(deps, pod.metadata.namespace ?? ''));
    return decide(deps, { departure, request, call, user, pod, namespaceEnds, dueMs });
  };
}

async function decide(deps: Deps, review: Review): Promise<AdmissionVerdict> {
  const passOver = isOfPlainCollection(review.request);
  let { pod } = review;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const answer = answerFor(deps, review, { pod });
    if (answer.allowed) return letGo(deps, review, answer);
    // The client does not come back for one Pod of a collection, so the coordinator must not wait for it.
    const write = passOver ? labelsOnly(answer.write) : answer.write;
    if (!write || (await note(deps, pod, write))) {
      return passOver ? passedOver(deps, review, answer) : hold(deps, review, { pod, answer });
    }
    const now = await readAgain(deps, pod);
    if (!now) return letGo(deps, review, { because: 'gone' });
    pod = now;
  }
  return changed(pod, review.user);
}

function answerFor(
  { pods, rules, clock, isRunning, holdMs, clusterNeedsMs }: Deps,
  { departure, request, user, namespaceEnds, pod: { metadata } }: Review,
  { pod, notBegun }: { pod: Pod; notBegun?: string | undefined },
): LeaveAnswer {
  const { namespace = '' } = metadata;
  const facts = { rules: rules.byIndex('namespace', namespace), nowMs: clock.now(), isRunning };
  return answerTo({
    departure,
    pod,
    user,
    dryRun: request.dryRun ?? false,
    namespaceEnds,
    facts,
    longHolders:
      departure === 'delete' && !isProgram(user) ? longHolders(pods.byIndex('marked', namespace), pod, facts) : [],
    notBegun,
    holdMs,
    clusterNeedsMs,
    nanos: clock.nanos(),
  });
}

/** Records the request on the Pod. @returns false if the Pod is no longer as it was seen */
async function note({ writer }: Deps, pod: Pod, { labels, annotations }: LeaveWrite): Promise<boolean> {
  const metadata = { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  try {
    return (await writer.patch(pod, { body: { metadata } })) !== undefined;
  } catch (error) {
    // The API server calls a patch with the uid of an earlier Pod invalid.
    if (error instanceof ConflictError || error instanceof InvalidError) return false;
    throw error;
  }
}

async function letGo(
  deps: Deps,
  { departure, pod, user }: Review,
  { because, warning }: { because: string; warning?: string },
): Promise<AdmissionVerdict> {
  // The API server looks at an eviction once, and not at its Pod. What our cache says may be out of date, or about an earlier Pod.
  const isByCache = departure === 'evict' && (because === 'permitted' || because === 'gone');
  if (isByCache && !(await mayLeaveNow(deps, pod))) return changed(pod, user);
  deps.metrics.answered(departure, because);
  return { allowed: true, ...(warning ? { warning } : {}) };
}

function passedOver(
  { metrics }: Deps,
  { departure, call: { timeoutMs }, user }: Review,
  { message }: Refusal,
): AdmissionVerdict {
  metrics.answered(departure, 'later');
  // A large collection may take longer than a request may. Then the client should get an answer after which it goes on, and not a timeout.
  const isNearItsEnd = timeoutMs !== undefined && timeoutMs <= MARGIN_MS;
  if (isNearItsEnd) return { allowed: false, message, ...comeBack(user) };
  return { allowed: false, passOver: true, message, warning: LATER };
}

/** Holds the request until the Pod may leave or the time is over. */
async function hold(
  deps: Deps,
  review: Review,
  { pod, answer }: { pod: Pod; answer: Refusal },
): Promise<AdmissionVerdict> {
  const { heldRequests, clock } = deps;
  const ms = Math.min(answer.holdMs, review.dueMs - clock.monotonic());
  const isAwaited = (now: Pod) => clearanceOf(now) !== undefined;
  const next = await heldRequests.until(pod, { ms, signal: review.call.signal, isAwaited });
  if (!next) return refuse(deps, review, { pod, answer });
  return letGo(deps, review, { because: next === 'gone' ? next : (clearanceOf(next) ?? 'gone') });
}

/** Refuses the request and names the present holder, which may differ from the one before the request was held. */
async function refuse(
  deps: Deps,
  review: Review,
  { pod, answer: before }: { pod: Pod; answer: Refusal },
): Promise<AdmissionVerdict> {
  const { departure, user } = review;
  const now = deps.pods.get(keyOf(pod)) ?? pod;
  const present = answerFor(deps, review, { pod: now });
  const refusal = present.allowed ? before : present;
  const detailed = refusal.isNotBegun
    ? answerFor(deps, review, { pod: now, notBegun: await whyNotBegunOf(deps, now) })
    : refusal;
  const { message, retryAfterSeconds } = detailed.allowed ? refusal : detailed;
  if (departure === 'delete' && isScheduler(user)) {
    deps.metrics.answered(departure, 'later');
    return { allowed: false, passOver: true, message, warning: LATER };
  }
  deps.metrics.answered(departure, retryAfterSeconds === undefined ? 'refused' : 'wait');
  return { allowed: false, message, retryAfterSeconds };
}

/** Budgets are not cached: they are read only for an eviction that is refused. If the read fails, the eviction is refused without the reason. */
async function whyNotBegunOf({ client }: Deps, pod: Pod): Promise<string | undefined> {
  try {
    const { items } = await client.list(POD_DISRUPTION_BUDGETS, { namespace: pod.metadata.namespace ?? '' });
    return whyNotBegun(pod, items);
  } catch {
    return undefined;
  }
}

type Refusal = Extract<LeaveAnswer, { allowed: false }>;

function labelsOnly({ labels }: LeaveWrite = {}): LeaveWrite | undefined {
  return labels ? { labels } : undefined;
}

function changed(pod: Pod, user: string): AdmissionVerdict {
  return { allowed: false, message: `Pod ${keyOf(pod)} has just changed: try again`, ...comeBack(user) };
}

function comeBack(user: string): { retryAfterSeconds?: number } {
  return isProgram(user) ? {} : { retryAfterSeconds: 1 };
}
