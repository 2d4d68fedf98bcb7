// Refused updates of single Pods: why each was refused, whether the Pod can be recreated, and when the next attempt is due.
import type { Pod } from '@kuperator/api';
import { ApiError, ForbiddenError, flattenErrors } from '@kuperator/runtime';

/**
 * Annotation of a Pod that was out of service for a refused update. It keeps every replica from starting the same update immediately. The
 * Go implementation does not have it.
 */
export const REFUSED_UPDATE_ANNOTATION = 'collaset.kusionstack.io/refused-update';

export type Refusal = {
  /** The revision that the Pod was to be updated to. */
  readonly revision: string;
  /** Text for people. It follows the Pod's name and `cannot be updated: `. */
  readonly reason: string;
  /** True if, as far as is known, a recreated Pod would be admitted and scheduled. */
  readonly canRecreate: boolean;
  /** The number of refusals in a row before this one. */
  readonly times: number;
  /** Time of the last refusal, in ms since the epoch. */
  readonly atMs: number;
  /** True if the Pod was out of service for the update, so that the next attempt may cost an outage and not only a request. */
  readonly wasOut: boolean;
};

const FIRST_RETRY_MS = 5000;
const LONGEST_PROBE_MS = 60_000;
const LONGEST_OUTAGE_MS = 600_000;
/** Characters. Enough for the message of an admission policy, and short enough for an annotation. */
const REASON_LIMIT = 400;

/** When the update may be retried, in ms since the epoch. */
export function dueMs({ times, atMs, wasOut }: Refusal): number {
  return atMs + Math.min(wasOut ? LONGEST_OUTAGE_MS : LONGEST_PROBE_MS, FIRST_RETRY_MS * 2 ** Math.min(times, 20));
}

/**
 * The refusal that follows `last` on the same Pod.
 * @param isCertain true if the next attempt would be refused as well; counts like two refusals
 */
export function refusalAfter(
  last: Refusal | undefined,
  { isCertain, ...given }: Omit<Refusal, 'times'> & { readonly isCertain?: boolean },
): Refusal {
  const reason = given.reason.length > REASON_LIMIT ? `${given.reason.slice(0, REASON_LIMIT - 1)}…` : given.reason;
  const isSame = last?.revision === given.revision;
  return {
    ...given,
    reason,
    times: isSame ? last.times + 1 : isCertain ? 1 : 0,
    wasOut: given.wasOut || (isSame && last.wasOut),
  };
}

/**
 * The refusal of the Pod's update to `revision`; undefined if none is known.
 * @param remembered the refusal in the memory of this process, which is newer than the Pod's annotation
 */
export function refusalOf(pod: Pod, revision: string, remembered: Refusal | undefined): Refusal | undefined {
  if (remembered?.revision === revision) return remembered;
  const noted = notedRefusal(pod);
  return noted?.revision === revision ? noted : undefined;
}

/** The refusal in the Pod's annotation; undefined if the annotation is missing or invalid. */
export function notedRefusal({ metadata }: Pod): Refusal | undefined {
  const text = metadata.annotations?.[REFUSED_UPDATE_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const { revision, reason, canRecreate, times, at } = JSON.parse(text);
    const atMs = Date.parse(at);
    if (typeof revision !== 'string' || typeof reason !== 'string' || Number.isNaN(atMs)) return undefined;
    const count = typeof times === 'number' && times >= 0 ? times : 0;
    return { revision, reason, canRecreate: canRecreate === true, times: count, atMs, wasOut: true };
  } catch {
    return undefined;
  }
}

/** The annotation that records the refusal on the Pod. */
export function noteOf({ revision, reason, canRecreate, times, atMs }: Refusal): Record<string, string> {
  const at = new Date(atMs).toISOString();
  return { [REFUSED_UPDATE_ANNOTATION]: JSON.stringify({ revision, reason, canRecreate, times, at }) };
}

/** The annotation change that removes the recorded refusal; empty if there is none. */
export function withoutNote({ metadata }: Pod): Record<string, null> {
  return metadata.annotations?.[REFUSED_UPDATE_ANNOTATION] === undefined ? {} : { [REFUSED_UPDATE_ANNOTATION]: null };
}

/** HTTP statuses after which the same request may succeed: a lost race, a lost session, overload, a time-out. */
const TRANSIENT = new Set([401, 404, 408, 409, 410, 425, 429]);

/** True if the API server or a webhook would refuse the write again, however often it is sent. */
export function isRefused(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && !TRANSIENT.has(error.status);
}

/** True if a quota is full. If the change of a Pod does not fit into the quota, a recreated Pod of the same size does not fit either. */
export function isOverQuota(error: unknown): boolean {
  return error instanceof ForbiddenError && error.message.includes('exceeded quota');
}

/** True if the API server or a webhook does not support a dry run of this request. The answer then does not predict the real request. */
export function cannotTry(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400 && /dry.?run/i.test(error.message);
}

/** The message of an error without the prefix that names the request, such as `PATCH /api/v1/…: 403 Forbidden: `. */
export function sentenceOf(error: unknown): string {
  const [first] = flattenErrors(error);
  const text = first instanceof Error ? first.message : String(first);
  return text.replace(/^[A-Z]+ \/\S+: \d+ [A-Za-z]*(: )?/, '') || text;
}
