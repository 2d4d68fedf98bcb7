import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import { Turns } from '../process/turns.ts';
import { SlotTimeoutError } from './errors.ts';

type Waiter = { readonly sinceMs: number; admit(ticket: Ticket): void };

/** Of a request in flight. */
export type Ticket = { readonly number: number; readonly namespace: string };

/** One slot of so many is kept for namespaces that have no request in flight. */
const KEPT_OF = 8;

/**
 * Bounds the requests in flight. The bound adapts as TCP's window does: a throttled answer multiplies it by 0.7, each
 * full round of good answers adds one, up to `max`. Requests wait for `timeoutMs` (default 30 000) at most. A free slot goes to the
 * namespace with the fewest requests in flight, and one of 8 slots is kept for namespaces that have none: a namespace whose
 * requests are slow, because of its own admission webhook for example, does not make the others wait.
 */
export class InFlight {
  readonly #max: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #waiters = new Turns<Waiter>();
  readonly #runningIn = new Map<string, number>();
  #limit: number;
  #running = 0;
  #good = 0;
  /** Requests admitted so far, and how many had been at the last cut: one overload counts once, not per request. */
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
    if (this.#waiters.size === 0) return 0;
    const sinceMs = Math.min(...[...this.#waiters.oldest()].map((waiter) => waiter.sinceMs));
    return this.#clock.monotonic() - sinceMs;
  }

  /**
   * Resolves, when there is room, to the request's ticket; `release` must follow.
   * @param namespace of the object that the request is about; empty if it has none
   * @throws SlotTimeoutError when there is no room within the time limit
   * @throws the reason of `signal` as soon as it aborts
   */
  acquire(namespace: string, signal?: AbortSignal): Ticket | Promise<Ticket> {
    if (this.#hasRoomFor(namespace) && this.#waiters.size === 0) return this.#admit(namespace);
    const waiting = this.#wait(namespace, signal);
    // Those that wait may all belong to namespaces that have used up their share.
    this.#admitWaiting();
    return waiting;
  }

  release({ number, namespace }: Ticket, outcome: 'good' | 'throttled' | 'failed'): void {
    this.#running--;
    const left = (this.#runningIn.get(namespace) ?? 0) - 1;
    if (left > 0) this.#runningIn.set(namespace, left);
    else this.#runningIn.delete(namespace);
    if (outcome === 'throttled' && number > this.#cutAt) {
      this.#limit = Math.max(Math.min(2, this.#max), Math.floor(this.#limit * 0.7));
      this.#cutAt = this.#admitted;
      this.#good = 0;
    } else if (outcome === 'good' && this.#limit < this.#max && ++this.#good >= this.#limit) {
      this.#limit++;
      this.#good = 0;
    }
    this.#admitWaiting();
  }

  #hasRoomFor(namespace: string): boolean {
    const kept = this.#runningIn.has(namespace) ? Math.floor(this.#limit / KEPT_OF) : 0;
    return this.#running < this.#limit - kept;
  }

  #admitWaiting(): void {
    while (this.#waiters.size > 0 && this.#running < this.#limit) {
      const next = this.#waiters.take((namespace) =>
        this.#hasRoomFor(namespace) ? (this.#runningIn.get(namespace) ?? 0) : undefined,
      );
      if (!next) return;
      next.item.admit(this.#admit(next.group));
    }
  }

  #wait(namespace: string, signal: AbortSignal | undefined): Promise<Ticket> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<Ticket>();
    const waiter: Waiter = {
      sinceMs: this.#clock.monotonic(),
      admit: (ticket) => {
        leave();
        resolve(ticket);
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
      this.#waiters.delete(namespace, waiter);
      cancel();
      signal?.removeEventListener('abort', giveUp);
    };
    this.#waiters.add(namespace, waiter);
    signal?.addEventListener('abort', giveUp, { once: true });
    return promise;
  }

  #load(): string {
    return `${this.#running} requests are in flight, the limit is ${this.#limit}`;
  }

  #admit(namespace: string): Ticket {
    this.#running++;
    this.#runningIn.set(namespace, (this.#runningIn.get(namespace) ?? 0) + 1);
    return { number: ++this.#admitted, namespace };
  }
}
