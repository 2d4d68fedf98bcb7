import { vi } from 'vitest';

/**
 * Calls `check` until it does not throw, and returns its result.
 * @throws the last error of `check` after `timeoutMs`
 */
export function eventually<T>(check: () => Promise<T>, timeoutMs = 40_000): Promise<T> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 50 });
}
