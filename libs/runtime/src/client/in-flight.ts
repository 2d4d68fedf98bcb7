import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import { SlotTimeoutError } from './errors.ts';

type Waiter = { readonly sinceMs: number; admit(): void };

/**
 * Limits the requests in flight. The limit adapts like the window of TCP: a throttled response multiplies it by 0.7, and each full round of
 * successes adds one, up to `max`. Waiting requests are admitted in order of arrival, and wait for at most `timeoutMs` (default 30 000).
 */
export class InFlight {
  readonly #max: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #limit: number;
  #running = 0;
  #good = 0;
  /** Requests admitted so far, and at the time of the last reduction, so that one overload counts once and not per request. */
  #admitted = 0;
  #cutAt = 0;

  constructor(max: number, { timeoutMs = 30_000, clock = systemClock }: { timeoutMs?: number; clock?: Clock } = {}) {
    this.#max = max;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#limit = max;
  }

  get limit(): number {
    return this.#limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** How long the first of the waiting requests has waited; 0 if none waits. */
  get waitedMs(): number {
    const [first] = this.#waiters;
    return first ? this.#clock.monotonic() - first.sinceMs : 0;
  }

  /**
   * Resolves, when there is room, to the request's ticket; `release` must follow.
   * @throws SlotTimeoutError when there is no room within the time limit
   * @throws the reason of `signal` as soon as it aborts
   */
  acquire(signal?: AbortSignal): number | Promise<number> {
    if (this.#running < this.#limit && this.#waiters.size === 0) return this.#admit();
    return this.#wait(signal);
  }

  release(ticket: number, outcome: 'good' | 'throttled' | 'failed'): void {
    this.#running--;
    if (outcome === 'throttled' && ticket > this.#cutAt) {
      this.#limit = Math.max(Math.min(2, this.#max), Math.floor(this.#limit * 0.7));
      this.#cutAt = this.#admitted;
      this.#good = 0;
    } else if (outcome === 'good' && this.#limit < this.#max && ++this.#good >= this.#limit) {
      this.#limit++;
      this.#good = 0;
    }
    while (this.#running < this.#limit) {
      const [next] = this.#waiters;
      if (!next) return;
      next.admit();
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const waiter: Waiter = {
      sinceMs: this.#clock.monotonic(),
      admit: () => {
        leave();
        resolve(this.#admit());
      },
    };
    const giveUp = () => {
      leave();
      reject(signal?.reason);
    };
    const cancel: Cancel = this.#clock.setTimeout(() => {
      leave();
      reject(new SlotTimeoutError(`no free slot within ${this.#timeoutMs / 1000} s: ${this.#load()}`));
    }, this.#timeoutMs);
    const leave = () => {
      this.#waiters.delete(waiter);
      cancel();
      signal?.removeEventListener('abort', giveUp);
    };
    this.#waiters.add(waiter);
    signal?.addEventListener('abort', giveUp, { once: true });
    return promise;
  }

  #load(): string {
    return `${this.#running} requests are in flight, the limit is ${this.#limit}`;
  }

  #admit(): number {
    this.#running++;
    return ++this.#admitted;
  }
}
