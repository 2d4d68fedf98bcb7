/** The first and the longest wait, in milliseconds. */
export type BackoffOptions = { baseMs: number; maxMs: number };

/**
 * Wait before attempt `failures + 1`: doubles from `baseMs` to `maxMs`, the upper half of it random so that many
 * waiters do not come back together. `random` is in [0, 1).
 */
export function backoffMs(failures: number, { baseMs, maxMs }: BackoffOptions, random = Math.random()): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random;
}
