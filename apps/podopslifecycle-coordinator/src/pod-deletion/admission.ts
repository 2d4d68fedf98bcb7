import { COLLASET_OPERATION_ID, DELETE_AT_ONCE_ANNOTATION, keyOf, type Pod, TO_DELETE_LABEL } from '@kuperator/api';
import { isEmpty, type LabelChanges } from '@kuperator/lifecycle';
import { type Asking, askedAt, begunAt, noteOf, withoutNote } from './asked.ts';
import { beginLeaving, isScaledIn, OPERATION_OF } from './begin.ts';
import { isForCluster, neededSinceMs, noteOfNeed } from './cluster-needs.ts';
import { type EndFacts, type Hold, holdOf, isAmong } from './holder.ts';
import { type Pass, passOf } from './pass.ts';
import { deletionHoldMs, evictionHoldMs, isProgram, PATIENCE_MS, retryAfterSeconds } from './patience.ts';

/** Somebody wants a Pod to go: by DELETE, or by the eviction API. */
export type LeaveRequest = {
  readonly what: Asking;
  readonly pod: Pod;
  readonly user: string;
  readonly dryRun: boolean;
  /** The Pod's namespace is being deleted with all that is in it. */
  readonly namespaceEnds: boolean;
  /** The rules of the Pod's namespace, and which operators run. */
  readonly facts: EndFacts;
  /** Keys of what holds other Pods of the namespace for longer than a person waits. */
  readonly longHolds: readonly string[];
  /** Why an eviction whose drain has not begun is not begun, if that was looked up. */
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
      readonly because: Pass | 'kubelet' | 'namespace-ends' | 'dry-run' | 'cluster-needs';
      readonly warning?: string;
    }
  | {
      readonly allowed: false;
      readonly message: string;
      /** How long the request may still be held before it is refused. */
      readonly holdMs: number;
      /** When the client is to repeat by itself; undefined: the refusal is its answer. */
      readonly retryAfterSeconds: number | undefined;
      /** An eviction whose drain has not begun: why is not to be seen on the Pod. */
      readonly isNotBegun: boolean;
      /** To be written before the answer goes out. */
      readonly write?: LeaveWrite;
    };

export type LeaveWrite = { readonly labels?: LabelChanges; readonly annotations?: Record<string, string | null> };

/** Who has waited for so long may want to know how not to. */
const LONG_MS = 30_000;
const NOT_BEGUN = 'waits for podopslifecycle-coordinator to begin';

/** Lets a Pod go that may; asks for its graceful end otherwise, and says who holds it. Pure. */
export function answerTo(request: LeaveRequest): LeaveAnswer {
  const { what, pod, user, dryRun, namespaceEnds, facts } = request;
  const because = user.startsWith('system:node:')
    ? 'kubelet'
    : namespaceEnds
      ? 'namespace-ends'
      : (passOf(pod) ?? (isOverdue(request) ? 'cluster-needs' : undefined));
  if (because) return { allowed: true, because };
  const hold = holdOf(pod, facts);
  if (dryRun) {
    // In the end the real one succeeds. A refusal here would have kubectl drain --dry-run=server try for ever.
    const now = hold ? `it ${saying(hold)}` : 'nobody has asked for it yet';
    const verb = what === 'delete' ? 'deleted' : 'evicted';
    const warning = `Pod ${keyOf(pod)} is taken out of traffic before it is ${verb}; ${now}`;
    return { allowed: true, because: 'dry-run', warning };
  }
  return what === 'delete' ? refusedDeletion(request, hold) : refusedEviction(request, hold);
}

/** The cluster has needed the Pod's place for as long as it may have to wait; or it asks now, and need not wait at all. */
function isOverdue({ what, pod, user, clusterNeedsMs, nanos }: LeaveRequest): boolean {
  if (what !== 'delete') return false;
  const since = neededSinceMs(pod) ?? (isForCluster(user, pod) ? millisecondsOf(nanos) : undefined);
  return since !== undefined && millisecondsOf(nanos) - since >= clusterNeedsMs;
}

function refusedDeletion(request: LeaveRequest, hold: Hold | undefined): LeaveAnswer {
  const { pod, user, longHolds, holdMs, nanos } = request;
  const nowMs = millisecondsOf(nanos);
  const id = isScaledIn(pod) ? COLLASET_OPERATION_ID : OPERATION_OF.delete;
  const begunMs = Math.max(0, nowMs - (begunAt(pod, id) ?? nowMs));
  // Others have waited for the same in vain.
  const waitedMs = hold && isAmong(hold, longHolds) ? Math.max(begunMs, PATIENCE_MS) : begunMs;
  const retry = retryAfterSeconds(user, waitedMs);
  const labels = beginLeaving(pod, 'delete', nanos, { mark: true });
  // The coordinator leaves the Pod to a client that comes back, and waits for no other.
  const annotations = isForCluster(user, pod)
    ? noteOfNeed(pod, nanos)
    : retry !== undefined
      ? noteOf(pod, 'delete', nanos)
      : !isProgram(user) && askedAt(pod, 'delete') !== undefined
        ? withoutNote('delete')
        : undefined;
  const wayOut =
    waitedMs >= LONG_MS ? ` To have it deleted in traffic, annotate it with ${DELETE_AT_ONCE_ANNOTATION}=true.` : '';
  return {
    allowed: false,
    message: `Pod ${keyOf(pod)} is being taken out of traffic and will be deleted once that is done. It ${saying(hold ?? { message: NOT_BEGUN })}.${wayOut}`,
    holdMs: deletionHoldMs(user, { waitedMs, holdMs, othersWait: longHolds.length > 0 }),
    retryAfterSeconds: retry,
    isNotBegun: false,
    ...writeOf(labels, annotations),
  };
}

/** Clients of the eviction API repeat by themselves; kubectl drain says why each time, and sleeps in client-go it would be silent. */
function refusedEviction({ pod, user, notBegun, holdMs, nanos }: LeaveRequest, hold: Hold | undefined): LeaveAnswer {
  const nowMs = millisecondsOf(nanos);
  const begun = begunAt(pod, OPERATION_OF.evict);
  const drainedMs = begun === undefined ? undefined : Math.max(0, nowMs - begun);
  const asked = askedAt(pod, 'evict');
  const isRepeated = asked !== undefined && nowMs - asked < PATIENCE_MS;
  const isBeingDeleted = begun === undefined && pod.metadata.labels?.[TO_DELETE_LABEL] !== undefined;
  const isNotBegun = !hold && !isBeingDeleted;
  const course = isNotBegun
    ? 'is not evicted yet'
    : isBeingDeleted
      ? 'is being taken out of traffic and will be deleted once that is done'
      : 'is being taken out of traffic and can be evicted once that is done';
  const reason = hold ? saying(hold) : isNotBegun && notBegun ? notBegun : NOT_BEGUN;
  const wayOut =
    (drainedMs ?? 0) >= LONG_MS
      ? ` To have it evicted in traffic, annotate it with ${DELETE_AT_ONCE_ANNOTATION}=true.`
      : '';
  return {
    allowed: false,
    message: `Pod ${keyOf(pod)} ${course}. It ${reason}.${wayOut}`,
    holdMs: evictionHoldMs(user, { isRepeated, drainedMs, holdMs }),
    retryAfterSeconds: undefined,
    isNotBegun,
    ...writeOf({}, noteOf(pod, 'evict', nanos)),
  };
}

function saying({ message, sinceMs }: Omit<Hold, 'key'>): string {
  return sinceMs === undefined
    ? message
    : `${message}, since ${new Date(sinceMs).toISOString().replace(/\.\d+Z$/, 'Z')}`;
}

function writeOf(labels: LabelChanges, annotations: LeaveWrite['annotations']): { write?: LeaveWrite } {
  if (isEmpty(labels) && !annotations) return {};
  return { write: { ...(isEmpty(labels) ? {} : { labels }), ...(annotations ? { annotations } : {}) } };
}

function millisecondsOf(nanos: string): number {
  return Number(BigInt(nanos) / 1_000_000n);
}
