import type { Key } from '@kuperator/api';

/** How soon to look again at an employer whose traffic is not as wanted: ever later, until something gets done. */
export class Recheck {
  readonly #delaysMs: readonly number[];
  readonly #attempts = new Map<Key, number>();
  readonly #random: () => number;

  constructor(delaysMs: readonly number[] = [], random: () => number = Math.random) {
    this.#delaysMs = delaysMs;
    this.#random = random;
  }

  /** Upper fifth random, so that many waiting employers do not ask a provider together. Undefined: events will tell. */
  after(key: Key, { waiting, progress }: { waiting: boolean; progress: boolean }): number | undefined {
    if (!waiting) {
      this.#attempts.delete(key);
      return undefined;
    }
    const attempt = progress ? 0 : (this.#attempts.get(key) ?? 0);
    this.#attempts.set(key, attempt + 1);
    const delayMs = this.#delaysMs[Math.min(attempt, this.#delaysMs.length - 1)];
    return delayMs === undefined ? undefined : Math.round(delayMs * (0.8 + this.#random() / 5));
  }

  forget(key: Key): void {
    this.#attempts.delete(key);
  }
}
