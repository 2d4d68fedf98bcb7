import { ConflictError, flattenErrors, TerminalError, ThrottledError } from '../client/errors.ts';

/** The result of one pass, and what happens to its key. */
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
 * Classifies a failed pass by the worst of its failures. If all are conflicts, the cache was stale: the pass is retried soon and without a
 * warning. If all are terminal, the key waits for a change by the user. Otherwise the pass backs off, at least as long as a throttled
 * request asks for.
 */
export function outcomeOfFailure(error: unknown): PassOutcome {
  const failures = flattenErrors(error).filter((failure) => !(failure instanceof TerminalError));
  if (failures.length === 0) return { result: 'terminal' };
  if (failures.every((failure) => failure instanceof ConflictError)) return { result: 'conflict' };
  const throttles = failures.filter((failure) => failure instanceof ThrottledError);
  return { result: 'error', atLeastMs: Math.max(0, ...throttles.map((throttle) => throttle.retryAfterMs ?? 0)) };
}
