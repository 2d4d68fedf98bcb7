import { type Cancel, type Clock, Turns } from '@kuperator/runtime';
import type { Limit } from './limits.ts';

export type RateLimiterOptions = {
  readonly limitOf: (api: string) => Limit;
  /** Part of each limit that this process may use, above 0 and at most 1. Others have the rest: the cloud controller, and other replicas. */
  readonly share: () => number;
  readonly clock: Clock;
};

type Waiter = { admit(): void };

/** Of one API. */
type Bucket = {
  tokens: number;
  filledAt: number;
  /** No call before this time, because the API has throttled. */
  closedUntil: number;
  throttledTimes: number;
  readonly waiters: Turns<Waiter>;
  cancel: Cancel | undefined;
};

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * A token bucket for each API of the cloud. A third of a limit may be used at once and the rest flows evenly, so that the limit holds in
 * every window of its length. Callers wait in queues (one for each load balancer) which take turns.
 */
export class RateLimiter {
  readonly #options: RateLimiterOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimiterOptions) {
    this.#options = options;
  }

  /** Calls that wait, of all APIs. */
  get waiting(): number {
    return [...this.#buckets.values()].reduce((sum, { waiters }) => sum + waiters.size, 0);
  }

  /**
   * Resolves when the API may be called.
   * @throws the reason of `signal` as soon as it aborts
   */
  async acquire(api: string, { queue, signal }: { queue: string; signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    const bucket = this.#bucketOf(api);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { admit: resolve };
    const giveUp = () => {
      bucket.waiters.delete(queue, waiter);
      reject(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    bucket.waiters.add(queue, waiter);
    this.#admit(api, bucket);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** The API has answered that it was called too often: nothing is called for a while, each time for longer. */
  throttled(api: string): void {
    const bucket = this.#bucketOf(api);
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** bucket.throttledTimes);
    const until = this.#options.clock.monotonic() + pauseMs;
    // Calls in flight are throttled together: they count once.
    if (bucket.closedUntil > this.#options.clock.monotonic()) return;
    bucket.throttledTimes++;
    bucket.closedUntil = until;
    bucket.tokens = Math.min(bucket.tokens, 0);
  }

  succeeded(api: string): void {
    this.#bucketOf(api).throttledTimes = 0;
  }

  #admit(api: string, bucket: Bucket): void {
    bucket.cancel?.();
    bucket.cancel = undefined;
    this.#fill(api, bucket);
    const now = this.#options.clock.monotonic();
    while (bucket.closedUntil <= now && bucket.tokens >= 1) {
      const next = bucket.waiters.take();
      if (!next) return;
      bucket.tokens--;
      next.item.admit();
    }
    if (bucket.waiters.size === 0) return;
    const { perMs } = this.#rateOf(api);
    const waitMs = Math.max(bucket.closedUntil - now, (1 - bucket.tokens) / perMs);
    bucket.cancel = this.#options.clock.setTimeout(() => this.#admit(api, bucket), Math.ceil(waitMs));
  }

  #fill(api: string, bucket: Bucket): void {
    const now = this.#options.clock.monotonic();
    const { burst, perMs } = this.#rateOf(api);
    // While the API throttles, no credit collects for the time after it.
    const from = Math.max(bucket.filledAt, bucket.closedUntil);
    if (now > from) bucket.tokens = Math.min(burst, bucket.tokens + (now - from) * perMs);
    bucket.filledAt = now;
  }

  /** At most `burst` plus a window of `perMs` is the share of the limit. */
  #rateOf(api: string): { burst: number; perMs: number } {
    const { limitOf, share } = this.#options;
    const { calls, perMs } = limitOf(api);
    const mine = Math.max(1, calls * share());
    const burst = Math.max(1, Math.floor(mine / 3));
    return { burst, perMs: Math.max(mine - burst, mine / 3) / perMs };
  }

  #bucketOf(api: string): Bucket {
    const known = this.#buckets.get(api);
    if (known) return known;
    const bucket: Bucket = {
      tokens: this.#rateOf(api).burst,
      filledAt: this.#options.clock.monotonic(),
      closedUntil: 0,
      throttledTimes: 0,
      waiters: new Turns(),
      cancel: undefined,
    };
    this.#buckets.set(api, bucket);
    return bucket;
  }
}
