import { type Clock, sleep } from '@kuperator/runtime';

/**
 * Shares reads between callers that want the same. A caller gets the answer of a read that starts after its call: an earlier one may
 * show a state from before the change that the caller asks about. Callers that come while a read is in progress share the next one.
 */
export class FreshReads {
  readonly #clock: Clock;
  readonly #minIntervalMs: number;
  readonly #waiting = new Map<string, Promise<unknown>>();
  readonly #current = new Map<string, Promise<unknown>>();
  readonly #startedAt = new Map<string, number>();

  /** @param minIntervalMs between the starts of two reads of the same */
  constructor(clock: Clock, minIntervalMs: number) {
    this.#clock = clock;
    this.#minIntervalMs = minIntervalMs;
  }

  /**
   * @param read its signal aborts with `signal`, that of the process: the end of one caller's pass must not end a read for the others
   * @throws what `read` throws, to every caller that shares it
   */
  get<T>(key: string, signal: AbortSignal, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key) as Promise<T> | undefined;
    if (waiting) return waiting;
    const next = this.#next(key, signal, read);
    this.#waiting.set(key, next);
    // Each caller handles the failure of the promise it got.
    next.catch(() => {});
    return next;
  }

  async #next<T>(key: string, signal: AbortSignal, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      await this.#current.get(key)?.catch(() => {});
      const since = this.#clock.monotonic() - (this.#startedAt.get(key) ?? Number.NEGATIVE_INFINITY);
      if (since < this.#minIntervalMs) await sleep(this.#clock, Math.ceil(this.#minIntervalMs - since), signal);
    } finally {
      this.#waiting.delete(key);
    }
    this.#startedAt.set(key, this.#clock.monotonic());
    const answer = read(signal);
    this.#current.set(key, answer);
    try {
      return await answer;
    } finally {
      if (this.#current.get(key) === answer) this.#current.delete(key);
      this.#forgetOld();
    }
  }

  #forgetOld(): void {
    if (this.#startedAt.size < 1000) return;
    const now = this.#clock.monotonic();
    for (const [key, at] of this.#startedAt) if (now - at >= this.#minIntervalMs) this.#startedAt.delete(key);
  }
}
