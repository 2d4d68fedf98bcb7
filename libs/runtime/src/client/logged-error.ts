// How a failure is logged. For a failed request the message is enough, because the stack would only show our own code. The log contains
// the stack only for unexpected errors.

import { ApiError, ConnectionError, flattenErrors } from './errors.ts';

/** How many different refusals of one pass are logged in full. */
const SHOWN = 3;

/** Returns the fields of a log line for a failure: `cause`, the text alone, if it consists of failed requests; else `err`, with the stack. */
export function loggedError(error: unknown): { readonly cause: string } | { readonly err: unknown } {
  const cause = refusalIn(error);
  return cause === undefined ? { err: error } : { cause };
}

/**
 * Returns the text of a failure that consists of failed requests only; undefined for any other failure. Refusals that differ only in
 * names are counted, not repeated.
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

/** Returns the message of an error, or any other thrown value as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Replaces quoted names and numbers, so that refusals that differ only in these become the same text. */
export function withoutNames(text: string): string {
  return text.replace(/"[^"]*"/g, '""').replace(/\d+/g, '0');
}

/** True if every failure says that the namespace is being deleted: the refusal is expected and ends with the namespace. */
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
  // Steps of a pass wrap the errors of their requests.
  for (let error = failure; error instanceof Error; error = error.cause) {
    if (error instanceof ApiError || error instanceof ConnectionError) return error;
  }
  return undefined;
}
