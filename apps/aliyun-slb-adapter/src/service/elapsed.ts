import type { Clock } from '@kuperator/runtime';

const FORGOTTEN_MS = 3_600_000;

/** Since when something has been going on, counted from the first time it was asked about. Kept in memory only. */
export class Elapsed {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #since = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Milliseconds since the first question about `id`, 0 at the first. */
  sinceMs(id: string): number {
    const now = this.#clock.monotonic();
    const since = this.#since.get(id);
    if (since !== undefined) return now - since;
    this.#since.set(id, now);
    for (const [old, at] of this.#since) {
      if (now - at < FORGOTTEN_MS) break;
      this.#since.delete(old);
    }
    return 0;
  }

  forget(id: string): void {
    this.#since.delete(id);
  }
}
