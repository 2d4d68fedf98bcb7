// When clients asked for a Pod to leave, and until when they are expected to ask again.

import {
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  own,
  type Pod,
  stageLabel,
} from '@kuperator/api';
import { retryAfterSeconds } from './patience.ts';

/** How a Pod is asked to leave: by DELETE, or by the eviction API. */
export type Departure = 'delete' | 'evict';

const ANNOTATIONS = { delete: DELETION_REQUESTED_ANNOTATION, evict: EVICTION_REQUESTED_ANNOTATION } as const;
/** A repeated request updates the annotation at most this often (T85). */
const REFRESH_MS = 5000;
/** The client's last request may be later than the annotation says, and the client may be a little late. */
const RETURN_MARGIN_MS = 10_000;

/** When a client was last recorded as asking for the departure, in ms since the epoch; undefined if no client has. */
export function requestedAt(pod: Pod, departure: Departure): number | undefined {
  return msOf(pod.metadata.annotations?.[ANNOTATIONS[departure]]);
}

/**
 * Until when the client that asked is expected to ask again, in ms since the epoch; undefined if no client has asked. The client was told
 * when to come back, so the coordinator does not wait for a client that is later than that.
 * @param id the operation by which the Pod leaves
 */
export function clientExpectedUntil(pod: Pod, departure: Departure, id: string): number | undefined {
  const requested = requestedAt(pod, departure);
  if (requested === undefined) return undefined;
  const waitedMs = Math.max(0, requested - (operationStartedAt(pod, id) ?? requested));
  return requested + (retryAfterSeconds('', waitedMs) ?? 0) * 1000 + RETURN_MARGIN_MS;
}

/** The annotation that records a request made now; undefined while the last record is recent enough. */
export function requestNote(pod: Pod, departure: Departure, nanos: string): Record<string, string> | undefined {
  const last = requestedAt(pod, departure);
  const now = Number(BigInt(nanos) / 1_000_000n);
  // A time in the future comes from a clock ahead of ours. It is replaced, because it would keep the request alive for too long.
  if (last !== undefined && last <= now && now - last < REFRESH_MS) return undefined;
  return { [ANNOTATIONS[departure]]: nanos };
}

/** The part of a merge patch that removes the record. */
export function withoutRequestNote(departure: Departure): Record<string, null> {
  return { [ANNOTATIONS[departure]]: null };
}

/** When operation `id` began, in ms since the epoch; undefined if the Pod does not have it, or its label is not a time. */
export function operationStartedAt(pod: Pod, id: string): number | undefined {
  return msOf(own(pod.metadata.labels, stageLabel('operating', id)));
}

/** Unix nanoseconds as milliseconds; undefined if the text is not a number. */
export function msOf(nanos: string | undefined): number | undefined {
  return nanos !== undefined && /^\d{1,25}$/.test(nanos) ? Number(BigInt(nanos) / 1_000_000n) : undefined;
}
