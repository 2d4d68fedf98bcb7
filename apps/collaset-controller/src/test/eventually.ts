import { vi } from 'vitest';

/**
 * Waits until `check` no longer throws, and answers what it answers.
 * @throws what `check` threw last, after `timeoutMs`
 */
export function eventually<T>(check: () => Promise<T>, timeoutMs = 40_000): Promise<T> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 50 });
}
