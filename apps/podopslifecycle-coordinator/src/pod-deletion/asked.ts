// When clients asked for a Pod to go, and when they are expected back.

import {
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  own,
  type Pod,
  stageLabel,
} from '@kuperator/api';
import { retryAfterSeconds } from './patience.ts';

export type Asking = 'delete' | 'evict';

const ANNOTATIONS = { delete: DELETION_REQUESTED_ANNOTATION, evict: EVICTION_REQUESTED_ANNOTATION } as const;
/** Repeated requests are noted down this seldom (T85). */
const REFRESH_MS = 5000;
/** A client may have asked again without a fresh note of it, and may come back a little late. */
const RETURN_MARGIN_MS = 10_000;

/** When it was last noted that a client asks for `what`, ms since the epoch; undefined when nobody did. */
export function askedAt(pod: Pod, what: Asking): number | undefined {
  return msOf(pod.metadata.annotations?.[ANNOTATIONS[what]]);
}

/**
 * Until when the client that asked for the end of operation `id` is expected back, ms since the epoch; undefined when nobody asked. It
 * was told when to come: a client that does not is not waited for any longer.
 */
export function expectedUntil(pod: Pod, what: Asking, id: string): number | undefined {
  const asked = askedAt(pod, what);
  if (asked === undefined) return undefined;
  const waitedMs = Math.max(0, asked - (begunAt(pod, id) ?? asked));
  return asked + (retryAfterSeconds('', waitedMs) ?? 0) * 1000 + RETURN_MARGIN_MS;
}

/** The annotation to write for a request made now; undefined while the last note is fresh. */
export function noteOf(pod: Pod, what: Asking, nanos: string): Record<string, string> | undefined {
  const last = askedAt(pod, what);
  const now = Number(BigInt(nanos) / 1_000_000n);
  // A stamp from the future, by another machine's clock, is replaced: it would keep the request alive for too long.
  if (last !== undefined && last <= now && now - last < REFRESH_MS) return undefined;
  return { [ANNOTATIONS[what]]: nanos };
}

/** The merge patch part that takes the note off again. */
export function withoutNote(what: Asking): Record<string, null> {
  return { [ANNOTATIONS[what]]: null };
}

/** Since when operation `id` is under way, ms since the epoch; undefined when it is not, or a hand wrote its stamp. */
export function begunAt(pod: Pod, id: string): number | undefined {
  return msOf(own(pod.metadata.labels, stageLabel('operating', id)));
}

/** Milliseconds of Unix nanoseconds; undefined when it is none. */
export function msOf(nanos: string | undefined): number | undefined {
  return nanos !== undefined && /^\d{1,25}$/.test(nanos) ? Number(BigInt(nanos) / 1_000_000n) : undefined;
}
