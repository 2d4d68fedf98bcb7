import { DELETE_OPERATION_TYPE, POD_DELETE_OPERATION_ID, POD_EVICT_OPERATION_ID, type Pod } from '@kuperator/api';
import { hasOperation, isPermitted } from '@kuperator/lifecycle';
import { isMarkedToDelete, isScaledIn } from './begin.ts';
import { clearanceOf } from './clearance.ts';
import { neededSinceMs } from './cluster-needs.ts';
import { clientExpectedUntil, type Departure, requestedAt } from './request-notes.ts';

export type LeavingLimits = {
  /** The drain for an eviction is cancelled if no client has asked for the eviction again for this long. */
  readonly evictionMs: number;
  /** A Pod whose place the cluster needs is drained for this long at most, then deleted. */
  readonly clusterNeedsMs: number;
};

export type Step =
  | { readonly do: 'nothing' }
  | { readonly do: 'begin' }
  | { readonly do: 'delete' }
  /** Delete the Pod although its drain is not finished, because the cluster has waited for as long as it may have to. */
  | { readonly do: 'let-go'; readonly neededSinceMs: number }
  /** The deletion or eviction is no longer wanted. */
  | { readonly do: 'cancel'; readonly departure: Departure }
  | { readonly do: 'wait'; readonly ms: number };

const NOTHING: Step = { do: 'nothing' };

/** The next step for a Pod that is or was marked `to-delete`, or that is or was to be evicted. Pure. */
export function planLeaving(pod: Pod, nowMs: number, limits: LeavingLimits): Step {
  const clearance = clearanceOf(pod);
  if (clearance === 'uncontrolled' || clearance === 'terminating') return NOTHING;
  const neededSince = neededSinceMs(pod);
  if (neededSince !== undefined)
    return planNeeded(pod, { nowMs, sinceMs: neededSince, limitMs: limits.clusterNeedsMs });
  if (isMarkedToDelete(pod)) return planDeletion(pod, nowMs);
  if (hasOperation(pod, POD_DELETE_OPERATION_ID)) return { do: 'cancel', departure: 'delete' };
  const isDraining = hasOperation(pod, POD_EVICT_OPERATION_ID);
  const requested = requestedAt(pod, 'evict');
  if (!isDraining && requested === undefined) return NOTHING;
  // A user who removes the annotation of the request keeps the Pod.
  const remainingMs = (requested ?? 0) + limits.evictionMs - nowMs;
  return remainingMs <= 0 ? { do: 'cancel', departure: 'evict' } : { do: 'wait', ms: remainingMs };
}

/** A tenant who removes the mark, or keeps the drain from finishing, keeps the Pod until the limit and no longer. */
function planNeeded(pod: Pod, { nowMs, sinceMs, limitMs }: { nowMs: number; sinceMs: number; limitMs: number }): Step {
  const step = planDeletion(pod, nowMs);
  if (step.do === 'delete' || step.do === 'begin') return step;
  const remainingMs = sinceMs + limitMs - nowMs;
  if (remainingMs <= 0) return { do: 'let-go', neededSinceMs: sinceMs };
  return { do: 'wait', ms: Math.min(remainingMs, step.do === 'wait' ? step.ms : remainingMs) };
}

function planDeletion(pod: Pod, nowMs: number): Step {
  const clearance = clearanceOf(pod);
  // A Pod without the gate cannot be drained, but the rules are asked about it all the same, so it is not free.
  const isFree = clearance === 'finished' || clearance === 'unscheduled' || clearance === 'at-once';
  // The CollaSet leads this deletion. If it gives up its scale-in, the mark has the coordinator begin one.
  if (!isFree && isScaledIn(pod)) return NOTHING;
  if (!isFree && !hasOperation(pod, POD_DELETE_OPERATION_ID, DELETE_OPERATION_TYPE)) return { do: 'begin' };
  if (!isFree && !isPermitted(pod, POD_DELETE_OPERATION_ID, DELETE_OPERATION_TYPE)) return NOTHING;
  // A client that asked and comes back should delete the Pod itself: if it found the Pod gone, it would report an error.
  // A time in the future comes from a clock ahead of ours, and delays nothing.
  const isAhead = (requestedAt(pod, 'delete') ?? 0) > nowMs;
  const remainingMs = (clientExpectedUntil(pod, 'delete', POD_DELETE_OPERATION_ID) ?? 0) - nowMs;
  return remainingMs <= 0 || isAhead ? { do: 'delete' } : { do: 'wait', ms: remainingMs };
}
