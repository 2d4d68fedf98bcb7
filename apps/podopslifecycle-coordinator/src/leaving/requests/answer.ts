import { COLLASET_OPERATION_ID, DELETE_AT_ONCE_ANNOTATION, keyOf, type Pod } from '@kuperator/api';
import { timeOf } from '@kuperator/holders';
import { isEmpty, type LabelChanges } from '@kuperator/lifecycle';
import { beginLeaving, isMarkedToDelete, isScaledIn, OPERATION_OF } from '../begin.ts';
import { type Clearance, clearanceOf } from '../clearance.ts';
import { clusterNeedNote, isForCluster, neededSinceMs } from '../cluster-needs.ts';
import { deletionHoldMs, evictionHoldMs, isProgram, PATIENCE_MS, retryAfterSeconds } from '../patience.ts';
import { type Departure, operationStartedAt, requestedAt, requestNote, withoutRequestNote } from '../request-notes.ts';
import { holderOf, isAmong, type LeavingFacts, type LeavingHolder } from './holder.ts';

/** A client's request that a Pod leave. */
export type LeaveRequest = {
  readonly departure: Departure;
  readonly pod: Pod;
  readonly user: string;
  readonly dryRun: boolean;
  /** The Pod's namespace is being deleted with everything in it. */
  readonly namespaceEnds: boolean;
  /** The rules of the Pod's namespace, and which operators run. */
  readonly facts: LeavingFacts;
  /** What has held other Pods of the namespace for longer than a person waits. */
  readonly longHolders: readonly string[];
  /** Why the drain for an eviction has not begun, if that was looked up. */
  readonly notBegun?: string | undefined;
  /** The setting: how long a request may be held. */
  readonly holdMs: number;
  /** The setting: how long a Pod whose place the cluster needs is drained. */
  readonly clusterNeedsMs: number;
  /** Unix nanoseconds, decimal. */
  readonly nanos: string;
};

export type LeaveAnswer =
  | {
      readonly allowed: true;
      readonly because: Clearance | 'kubelet' | 'namespace-ends' | 'dry-run' | 'cluster-needs';
      readonly warning?: string;
    }
  | {
      readonly allowed: false;
      readonly message: string;
      /** How long the request may still be held before it is refused. */
      readonly holdMs: number;
      /** When the client is to repeat the request by itself; undefined if the refusal is final. */
      readonly retryAfterSeconds: number | undefined;
      /** The drain for this eviction has not begun, so the reason is not found on the Pod. */
      readonly isNotBegun: boolean;
      /** To be written before the answer is sent. */
      readonly write?: LeaveWrite;
    };

export type LeaveWrite = { readonly labels?: LabelChanges; readonly annotations?: Record<string, string | null> };

/** A client that has waited for this long is told how to go on without the drain. */
const LONG_MS = 30_000;
const NOT_BEGUN = 'waits for podopslifecycle-coordinator to begin';

/** Allows a Pod to leave if it may. Otherwise has its graceful end begin, and names the holder. Pure. */
export function answerTo(request: LeaveRequest): LeaveAnswer {
  const { departure, pod, dryRun, facts } = request;
  const because = whyAllowed(request);
  if (because) return { allowed: true, because };
  const holder = holderOf(pod, facts);
  if (dryRun) {
    // The real request succeeds in the end. If this one were refused, `kubectl drain --dry-run=server` would try forever.
    const now = holder ? `it ${textOf(holder)}` : 'no client has asked for it yet';
    const verb = departure === 'delete' ? 'deleted' : 'evicted';
    const warning = `Pod ${keyOf(pod)} is taken out of traffic before it is ${verb}; ${now}`;
    return { allowed: true, because: 'dry-run', warning };
  }
  return departure === 'delete' ? refusedDeletion(request, holder) : refusedEviction(request, holder);
}

function whyAllowed(request: LeaveRequest): Extract<LeaveAnswer, { allowed: true }>['because'] | undefined {
  const { user, namespaceEnds, pod } = request;
  if (user.startsWith('system:node:')) return 'kubelet';
  if (namespaceEnds) return 'namespace-ends';
  return clearanceOf(pod) ?? (isOverdue(request) ? 'cluster-needs' : undefined);
}

/** Whether the cluster has needed the Pod's place for as long as it may have to wait. This request may be its first. */
function isOverdue({ departure, pod, user, clusterNeedsMs, nanos }: LeaveRequest): boolean {
  if (departure !== 'delete') return false;
  const since = neededSinceMs(pod) ?? (isForCluster(user, pod) ? millisecondsOf(nanos) : undefined);
  return since !== undefined && millisecondsOf(nanos) - since >= clusterNeedsMs;
}

function refusedDeletion(request: LeaveRequest, holder: LeavingHolder | undefined): LeaveAnswer {
  const { pod, user, longHolders, holdMs, nanos } = request;
  const nowMs = millisecondsOf(nanos);
  const id = isScaledIn(pod) ? COLLASET_OPERATION_ID : OPERATION_OF.delete;
  const startedMs = Math.max(0, nowMs - (operationStartedAt(pod, id) ?? nowMs));
  // If other Pods have waited in vain for the same holder, this client need not wait as long.
  const waitedMs = holder && isAmong(holder, longHolders) ? Math.max(startedMs, PATIENCE_MS) : startedMs;
  const retry = retryAfterSeconds(user, waitedMs);
  const wayOut =
    waitedMs >= LONG_MS
      ? ` To delete it while it is still in traffic, annotate it with ${DELETE_AT_ONCE_ANNOTATION}=true.`
      : '';
  return {
    allowed: false,
    message: `Pod ${keyOf(pod)} is being taken out of traffic and will be deleted once that is done. It ${textOf(holder ?? { message: NOT_BEGUN })}.${wayOut}`,
    holdMs: deletionHoldMs(user, { waitedMs, holdMs, othersWait: longHolders.length > 0 }),
    retryAfterSeconds: retry,
    isNotBegun: false,
    ...writeOf(
      beginLeaving(pod, { departure: 'delete', nanos, mark: true }),
      deletionNote(request, { comesBack: retry !== undefined }),
    ),
  };
}

/** The coordinator leaves the deletion to a client that comes back, and waits for no other client. */
function deletionNote(
  { pod, user, nanos }: LeaveRequest,
  { comesBack }: { comesBack: boolean },
): LeaveWrite['annotations'] {
  if (isForCluster(user, pod)) return clusterNeedNote(pod, nanos);
  if (comesBack) return requestNote(pod, 'delete', nanos);
  const isPersonsLast = !isProgram(user) && requestedAt(pod, 'delete') !== undefined;
  return isPersonsLast ? withoutRequestNote('delete') : undefined;
}

/**
 * Clients of the eviction API repeat their requests by themselves, so they get no time to come back: kubectl drain then prints the reason
 * each time, while client-go would sleep in silence.
 */
function refusedEviction(request: LeaveRequest, holder: LeavingHolder | undefined): LeaveAnswer {
  const { pod, user, notBegun, holdMs, nanos } = request;
  const nowMs = millisecondsOf(nanos);
  const started = operationStartedAt(pod, OPERATION_OF.evict);
  const drainedMs = started === undefined ? undefined : Math.max(0, nowMs - started);
  const requested = requestedAt(pod, 'evict');
  const isRepeated = requested !== undefined && nowMs - requested < PATIENCE_MS;
  const isBeingDeleted = started === undefined && isMarkedToDelete(pod);
  const isNotBegun = !holder && !isBeingDeleted;
  const course = isNotBegun
    ? 'is not evicted yet'
    : isBeingDeleted
      ? 'is being taken out of traffic and will be deleted once that is done'
      : 'is being taken out of traffic and can be evicted once that is done';
  const reason = holder ? textOf(holder) : isNotBegun && notBegun ? notBegun : NOT_BEGUN;
  const wayOut =
    (drainedMs ?? 0) >= LONG_MS
      ? ` To evict it while it is still in traffic, annotate it with ${DELETE_AT_ONCE_ANNOTATION}=true.`
      : '';
  return {
    allowed: false,
    message: `Pod ${keyOf(pod)} ${course}. It ${reason}.${wayOut}`,
    holdMs: evictionHoldMs(user, { isRepeated, drainedMs, holdMs }),
    retryAfterSeconds: undefined,
    isNotBegun,
    ...writeOf({}, requestNote(pod, 'evict', nanos)),
  };
}

function textOf({ message, sinceMs }: Omit<LeavingHolder, 'key'>): string {
  return sinceMs === undefined ? message : `${message}, since ${timeOf(sinceMs)}`;
}

function writeOf(labels: LabelChanges, annotations: LeaveWrite['annotations']): { write?: LeaveWrite } {
  if (isEmpty(labels) && !annotations) return {};
  return { write: { ...(isEmpty(labels) ? {} : { labels }), ...(annotations ? { annotations } : {}) } };
}

function millisecondsOf(nanos: string): number {
  return Number(BigInt(nanos) / 1_000_000n);
}
