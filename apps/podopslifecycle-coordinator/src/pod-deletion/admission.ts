import {
  COLLASET_OPERATION_ID,
  DELETE_AT_ONCE_ANNOTATION,
  keyOf,
  type Pod,
  type PodTransitionRule,
} from '@kuperator/api';
import { isEmpty, type LabelChanges } from '@kuperator/lifecycle';
import { type Asking, begunAt, noteOf, retryAfterSeconds } from './asked.ts';
import { beginLeaving, isScaledIn, OPERATION_OF } from './begin.ts';
import { holderOf } from './holder.ts';
import { type Pass, passOf } from './pass.ts';

/** Somebody wants a Pod to go: by DELETE, or by the eviction API. */
export type LeaveRequest = {
  readonly what: Asking;
  readonly pod: Pod;
  readonly user: string;
  readonly dryRun: boolean;
  /** The Pod's namespace is being deleted with all that is in it. */
  readonly namespaceEnds: boolean;
  /** Rules of the Pod's namespace. */
  readonly rules: readonly PodTransitionRule[];
  /** Unix nanoseconds, decimal. */
  readonly nanos: string;
};

export type LeaveAnswer =
  | {
      readonly allowed: true;
      readonly because: Pass | 'kubelet' | 'namespace-ends' | 'dry-run';
      readonly warning?: string;
    }
  | {
      readonly allowed: false;
      readonly message: string;
      readonly retryAfterSeconds: number;
      /** To be written before the answer goes out. */
      readonly write?: LeaveWrite;
    };

export type LeaveWrite = { readonly labels?: LabelChanges; readonly annotations?: Record<string, string> };

/** Who has waited for so long may want to know how not to. */
const LONG_MS = 30_000;
const WAY_OUT = `; the annotation ${DELETE_AT_ONCE_ANNOTATION}=true lets it go at once`;

/** Lets a Pod go that may; asks for its graceful end otherwise, and the client to come back. Pure. */
export function answerTo(request: LeaveRequest): LeaveAnswer {
  const { what, pod, user, dryRun, namespaceEnds, rules, nanos } = request;
  const because = user.startsWith('system:node:') ? 'kubelet' : namespaceEnds ? 'namespace-ends' : passOf(pod);
  if (because) return { allowed: true, because };
  const nowMs = Number(BigInt(nanos) / 1_000_000n);
  const id = what === 'delete' && isScaledIn(pod) ? COLLASET_OPERATION_ID : OPERATION_OF[what];
  const verb = what === 'delete' ? 'deleted' : 'evicted';
  if (dryRun) {
    // In the end the real one succeeds. A refusal here would have kubectl drain --dry-run=server try for ever.
    const holder = holderOf(pod, id, rules, nowMs) ?? 'not asked for yet';
    return {
      allowed: true,
      because: 'dry-run',
      warning: `${keyOf(pod)} is taken out of service before it is ${verb}: ${holder}`,
    };
  }
  const labels = what === 'delete' ? beginLeaving(pod, what, nanos, { mark: true }) : {};
  const annotations = noteOf(pod, what, nanos);
  const holder = holderOf(pod, id, rules, nowMs) ?? (what === 'evict' ? 'waits for its PodDisruptionBudget' : 'begun');
  const waitedMs = nowMs - (begunAt(pod, id) ?? nowMs);
  return {
    allowed: false,
    message: `Pod ${keyOf(pod)} is taken out of service before it is ${verb}: ${holder}${waitedMs > LONG_MS ? WAY_OUT : ''}`,
    retryAfterSeconds: retryAfterSeconds(user, waitedMs),
    ...(isEmpty(labels) && !annotations
      ? {}
      : { write: { ...(isEmpty(labels) ? {} : { labels }), ...(annotations ? { annotations } : {}) } }),
  };
}
