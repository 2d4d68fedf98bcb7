export type BackoffOptions = { baseMs: number; maxMs: number };

/**
 * Returns the delay before attempt `failures + 1`. It doubles from `baseMs` to `maxMs`; its upper half is random, so that many clients do not
 * retry at the same time. `random` is in [0, 1).
 */
export function backoffMs(failures: number, { baseMs, maxMs }: BackoffOptions, random = Math.random()): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random;
}
