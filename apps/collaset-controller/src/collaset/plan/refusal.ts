// Updates of single Pods that were refused: why, what may be done about it, and when the next try is due.
import type { Pod } from '@kuperator/api';
import { ApiError, ForbiddenError, flattenErrors } from '@kuperator/runtime';

/** On a Pod that was out of service for an update that was refused, so that no replica begins the same again at once. Ours. */
export const REFUSED_UPDATE_ANNOTATION = 'collaset.kusionstack.io/refused-update';

export type Refusal = {
  /** The revision the Pod was to be updated to. */
  readonly revision: string;
  /** For people, after the Pod's name and `cannot be updated: `. */
  readonly reason: string;
  /** A Pod made anew in its place would be admitted and would find a node, as far as is known. */
  readonly canRecreate: boolean;
  /** How often in a row. */
  readonly times: number;
  /** Of the last one, ms since the epoch. */
  readonly atMs: number;
  /** The Pod was out of service for it, so that the next try costs more than a request. */
  readonly wasOut: boolean;
};

const FIRST_RETRY_MS = 5000;
const LONGEST_PROBE_MS = 60_000;
const LONGEST_OUTAGE_MS = 600_000;
/** Enough for the sentence of an admission policy; annotations are no place for more. */
const REASON_LIMIT = 400;

/** When the update may be tried again, ms since the epoch. */
export function dueMs({ times, atMs, wasOut }: Refusal): number {
  return atMs + Math.min(wasOut ? LONGEST_OUTAGE_MS : LONGEST_PROBE_MS, FIRST_RETRY_MS * 2 ** Math.min(times, 20));
}

/**
 * The refusal that follows `last` on the same Pod.
 * @param isCertain the answer will not be another one next time; counts like one that was given twice
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
 * Why the Pod is not updated to `revision`; undefined when nothing is known against it.
 * @param remembered by the process; newer than what stands on the Pod
 */
export function refusalOf(pod: Pod, revision: string, remembered: Refusal | undefined): Refusal | undefined {
  if (remembered?.revision === revision) return remembered;
  const noted = notedRefusal(pod);
  return noted?.revision === revision ? noted : undefined;
}

/** What stands on the Pod of a refusal; undefined when nothing does that can be read. */
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

/** The annotation that notes the refusal on its Pod. */
export function noteOf({ revision, reason, canRecreate, times, atMs }: Refusal): Record<string, string> {
  const at = new Date(atMs).toISOString();
  return { [REFUSED_UPDATE_ANNOTATION]: JSON.stringify({ revision, reason, canRecreate, times, at }) };
}

/** The annotation change that takes the note off; empty when there is none. */
export function withoutNote({ metadata }: Pod): Record<string, null> {
  return metadata.annotations?.[REFUSED_UPDATE_ANNOTATION] === undefined ? {} : { [REFUSED_UPDATE_ANNOTATION]: null };
}

/** Answers after which the same request may well succeed: a lost race, a lost session, overload, a time-out. */
const TRANSIENT = new Set([401, 404, 408, 409, 410, 425, 429]);

/** True when the API server, or what it asks, will not have the write however often it is sent. */
export function isRefused(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && !TRANSIENT.has(error.status);
}

/** True when a quota is full. Where a change of a running Pod does not fit into it, a Pod of the same size in its place does not either. */
export function isOverQuota(error: unknown): boolean {
  return error instanceof ForbiddenError && error.message.includes('exceeded quota');
}

/** True when the API server or a webhook cannot do a dry run of this request: then it says nothing of the real one. */
export function cannotTry(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400 && /dry.?run/i.test(error.message);
}

/** The sentence of an error without what was attempted: `PATCH /api/v1/…: 403 Forbidden: `. */
export function sentenceOf(error: unknown): string {
  const [first] = flattenErrors(error);
  const text = first instanceof Error ? first.message : String(first);
  return text.replace(/^[A-Z]+ \/\S+: \d+ [A-Za-z]*(: )?/, '') || text;
}
