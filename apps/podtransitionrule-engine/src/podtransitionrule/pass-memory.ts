import type { Key } from '@kuperator/api';

/** What the process remembers about rule objects between passes. If it is lost, a write or a warning is only delayed. Times are monotonic. */
export class PassMemory {
  /** The time since which a rule object has had unwritten changes that are not urgent. */
  readonly #restSince = new Map<Key, number>();
  /** The time since which a rule object could let a Pod pass, but its caches are not current; undefined once that was reported. */
  readonly #blindSince = new Map<Key, number | undefined>();

  forget(rule: Key): void {
    this.#restSince.delete(rule);
    this.#blindSince.delete(rule);
  }

  /** Milliseconds for which the changes that are not urgent have been kept back. */
  restedMs(rule: Key, nowMs: number): number {
    const since = this.#restSince.get(rule) ?? nowMs;
    this.#restSince.set(rule, since);
    return nowMs - since;
  }

  /** Notes that no such changes are left. */
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
