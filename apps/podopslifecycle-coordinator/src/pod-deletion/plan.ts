import {
  DELETE_OPERATION_TYPE,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { hasOperation, isPermitted } from '@kuperator/lifecycle';
import { type Asking, askedAt, expectedUntil } from './asked.ts';
import { isScaledIn } from './begin.ts';
import { neededSinceMs } from './cluster-needs.ts';
import { passOf } from './pass.ts';

export type Patience = {
  /** A drain for an eviction that nobody has asked for again for so long is undone. */
  readonly evictionMs: number;
  /** A Pod whose place the cluster needs is drained for so long, and then let go. */
  readonly clusterNeedsMs: number;
};

export type Step =
  | { readonly do: 'nothing' }
  | { readonly do: 'begin' }
  | { readonly do: 'delete' }
  /** The drain is not done, but the cluster has waited for as long as it may have to. */
  | { readonly do: 'let-go'; readonly neededSinceMs: number }
  /** Nobody wants the Pod to go any more. */
  | { readonly do: 'cancel'; readonly what: Asking }
  | { readonly do: 'wait'; readonly ms: number };

const NOTHING: Step = { do: 'nothing' };

/** What is to be done with a Pod that is marked `to-delete`, was so, or was to be evicted. Pure. */
export function planLeaving(pod: Pod, nowMs: number, patience: Patience): Step {
  const pass = passOf(pod);
  if (pass === 'uncontrolled' || pass === 'terminating') return NOTHING;
  const neededSince = neededSinceMs(pod);
  const isMarked = pod.metadata.labels?.[TO_DELETE_LABEL] !== undefined;
  if (neededSince !== undefined) return planNeeded(pod, nowMs, neededSince, patience.clusterNeedsMs);
  if (isMarked) return planDeletion(pod, nowMs);
  if (hasOperation(pod, POD_DELETE_OPERATION_ID)) return { do: 'cancel', what: 'delete' };
  const isDraining = hasOperation(pod, POD_EVICT_OPERATION_ID);
  const asked = askedAt(pod, 'evict');
  if (!isDraining && asked === undefined) return NOTHING;
  // Who deletes his note keeps the Pod.
  const remainingMs = (asked ?? 0) + patience.evictionMs - nowMs;
  return remainingMs <= 0 ? { do: 'cancel', what: 'evict' } : { do: 'wait', ms: remainingMs };
}

/** Whoever takes the mark off, or keeps the drain from its end, keeps the Pod no longer than that. */
function planNeeded(pod: Pod, nowMs: number, sinceMs: number, patienceMs: number): Step {
  const step = planDeletion(pod, nowMs);
  if (step.do === 'delete' || step.do === 'begin') return step;
  const remainingMs = sinceMs + patienceMs - nowMs;
  if (remainingMs <= 0) return { do: 'let-go', neededSinceMs: sinceMs };
  return { do: 'wait', ms: Math.min(remainingMs, step.do === 'wait' ? step.ms : remainingMs) };
}

function planDeletion(pod: Pod, nowMs: number): Step {
  const pass = passOf(pod);
  // Without the gate nothing can be drained; the rules are asked all the same.
  const isFree = pass === 'finished' || pass === 'unscheduled' || pass === 'at-once';
  // Given up by its CollaSet, the mark has it begun here.
  if (!isFree && isScaledIn(pod)) return NOTHING;
  if (!isFree && !hasOperation(pod, POD_DELETE_OPERATION_ID, DELETE_OPERATION_TYPE)) return { do: 'begin' };
  if (isFree || isPermitted(pod, POD_DELETE_OPERATION_ID, DELETE_OPERATION_TYPE)) {
    // The client that asked should get to delete it: finding it gone it would report an error.
    // A stamp of a clock ahead of ours keeps nothing.
    const isAhead = (askedAt(pod, 'delete') ?? 0) > nowMs;
    const remainingMs = (expectedUntil(pod, 'delete', POD_DELETE_OPERATION_ID) ?? 0) - nowMs;
    return remainingMs <= 0 || isAhead ? { do: 'delete' } : { do: 'wait', ms: remainingMs };
  }
  return NOTHING;
}
