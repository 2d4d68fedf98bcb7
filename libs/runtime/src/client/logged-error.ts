// How a failure is logged. What the API server answers, or that it does not, is said by the message; the stack only shows our own code
// and is kept for errors nobody expects.

import { ApiError, ConnectionError, flattenErrors } from './errors.ts';

/** Different refusals of one pass that are told in full. */
const SHOWN = 3;

/** Fields of a log line for a failure: `cause`, the text alone, when all of it are refusals; else `err`, with its stack. */
export function loggedError(error: unknown): { readonly cause: string } | { readonly err: unknown } {
  const cause = refusalIn(error);
  return cause === undefined ? { err: error } : { cause };
}

/**
 * The text of a failure that is nothing but answers of the API server, or their absence; undefined for any other. Refusals of one pass
 * that differ in names only are counted.
 */
export function refusalIn(error: unknown): string | undefined {
  const kinds = new Map<string, { text: string; count: number }>();
  for (const failure of flattenErrors(error)) {
    const refusal = refusalBehind(failure);
    if (!refusal) return undefined;
    const kind = withoutNames(refusal.message);
    const { text, count } = kinds.get(kind) ?? { text: refusal.message, count: 0 };
    kinds.set(kind, { text, count: count + 1 });
  }
  if (kinds.size === 0) return undefined;
  const texts = [...kinds.values()].map(({ text, count }) => (count > 1 ? `${text} (and ${count - 1} alike)` : text));
  const more = texts.length > SHOWN ? `; and ${texts.length - SHOWN} others` : '';
  return `${texts.slice(0, SHOWN).join('; ')}${more}`;
}

/** What a failure says, of whatever kind it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same text for refusals that differ only in the names of objects and in what they count. */
export function withoutNames(text: string): string {
  return text.replace(/"[^"]*"/g, '""').replace(/\d+/g, '0');
}

/** True for a refusal that is expected to end by itself, or with what it is about: its namespace is being deleted. */
export function isOfEndingNamespace(error: unknown): boolean {
  return flattenErrors(error).every((failure) => {
    const refusal = refusalBehind(failure);
    return refusal instanceof ApiError && isNamespaceEnding(refusal);
  });
}

/** @see k8s.io/api/core/v1 NamespaceTerminatingCause */
function isNamespaceEnding({ status, details, message }: ApiError): boolean {
  if (status === 403) return details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false;
  return status === 404 && /namespaces "[^"]*" not found/.test(message);
}

function refusalBehind(failure: unknown): ApiError | ConnectionError | undefined {
  // Steps of a pass wrap what they were refused.
  for (let error = failure; error instanceof Error; error = error.cause) {
    if (error instanceof ApiError || error instanceof ConnectionError) return error;
  }
  return undefined;
}
