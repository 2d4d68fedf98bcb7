import { ConflictError, flattenErrors, TerminalError, ThrottledError } from '../client/errors.ts';

/** What became of one reconcile pass, and of its key after it. */
export type PassOutcome =
  | { result: 'success' }
  | { result: 'requeued'; afterMs: number }
  | { result: 'conflict' }
  | { result: 'terminal' }
  | { result: 'error'; atLeastMs: number };

export const PASS_RESULTS = [
  'success',
  'requeued',
  'conflict',
  'terminal',
  'error',
] as const satisfies PassOutcome['result'][];

/**
 * Sorts a failed pass by the worst of its failures. Conflicts alone mean a stale cache: repeated soon and quietly.
 * Terminal ones alone wait for a change by the user. Anything else backs off, at least as long as a throttle asks.
 */
export function outcomeOfFailure(error: unknown): PassOutcome {
  const failures = flattenErrors(error).filter((failure) => !(failure instanceof TerminalError));
  if (failures.length === 0) return { result: 'terminal' };
  if (failures.every((failure) => failure instanceof ConflictError)) return { result: 'conflict' };
  const throttles = failures.filter((failure) => failure instanceof ThrottledError);
  return { result: 'error', atLeastMs: Math.max(0, ...throttles.map((throttle) => throttle.retryAfterMs ?? 0)) };
}
