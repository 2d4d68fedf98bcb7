import type { Key } from '@kuperator/api';

/** What the process remembers of rule objects between passes. Forgotten, a write or a warning comes a little later. Times are monotonic. */
export class PassMemory {
  /** Since when a rule object has had changes to write that nobody waits for. */
  readonly #restSince = new Map<Key, number>();
  /** Since when a rule object has had a Pod to let pass and no current caches to do it by; undefined once that was reported. */
  readonly #blindSince = new Map<Key, number | undefined>();

  forget(rule: Key): void {
    this.#restSince.delete(rule);
    this.#blindSince.delete(rule);
  }

  /** Milliseconds for which the changes that nobody waits for have been kept back. */
  restedMs(rule: Key, nowMs: number): number {
    const since = this.#restSince.get(rule) ?? nowMs;
    this.#restSince.set(rule, since);
    return nowMs - since;
  }

  /** There are none of these changes any more. */
  endRest(rule: Key): void {
    this.#restSince.delete(rule);
  }

  /** True if the caches of the rule object have not been current for `leastMs`, and that has not been reported yet. */
  isBlindnessDue(rule: Key, nowMs: number, leastMs: number): boolean {
    if (!this.#blindSince.has(rule)) this.#blindSince.set(rule, nowMs);
    const since = this.#blindSince.get(rule);
    if (since === undefined || nowMs - since < leastMs) return false;
    this.#blindSince.set(rule, undefined);
    return true;
  }

  endBlindness(rule: Key): void {
    this.#blindSince.delete(rule);
  }
}
