import type { Key } from '@kuperator/api';
import type { Clock } from '@kuperator/runtime';

/** When to start the next pass for an employer whose traffic is not as expected. The delays grow until a pass changes something. */
export class Recheck {
  readonly #delaysMs: readonly number[];
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #random: () => number;
  readonly #waits = new Map<Key, { attempt: number; dueAt: number }>();

  constructor(delaysMs: readonly number[] = [], clock: Pick<Clock, 'monotonic'>, random: () => number = Math.random) {
    this.#delaysMs = delaysMs;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Called at the end of a pass. A pass that an event started early does not change the wait.
   * @returns milliseconds; undefined if only events start the next pass
   */
  after(key: Key, { waiting, progress }: { waiting: boolean; progress: boolean }): number | undefined {
    const last = this.#waits.get(key);
    if (!waiting || this.#delaysMs.length === 0) {
      this.#waits.delete(key);
      return undefined;
    }
    const now = this.#clock.monotonic();
    if (last && !progress && now < last.dueAt) return last.dueAt - now;
    const attempt = progress || !last ? 0 : last.attempt + 1;
    const delayMs = this.#delaysMs[Math.min(attempt, this.#delaysMs.length - 1)] ?? 0;
    // A fifth of the wait is random, so that many waiting employers do not call a provider at the same time.
    const waitMs = Math.round(delayMs * (0.8 + this.#random() / 5));
    this.#waits.set(key, { attempt, dueAt: now + waitMs });
    return waitMs;
  }
}
