import { flattenErrors } from '@kuperator/runtime';

const SHOWN = 3;
const LIMIT = 1024;

/** The distinct messages of the failures, for a condition or an Event. Long lists are truncated. */
export function failureText(failures: readonly unknown[]): string {
  const texts = new Set(failures.flatMap(flattenErrors).map((error) => textOf(error)));
  const shown = [...texts].slice(0, SHOWN).join('; ');
  const text = texts.size > SHOWN ? `${shown}; and ${texts.size - SHOWN} more` : shown;
  return text.length > LIMIT ? `${text.slice(0, LIMIT - 3)}...` : text;
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
