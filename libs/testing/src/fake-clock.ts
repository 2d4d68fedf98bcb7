import type { Cancel, Clock } from '@kuperator/runtime';

type Timer = { at: number; order: number; run: () => void };

/** A clock that stands still until a test moves it. Starts at 2026-01-01T00:00:00Z by default. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #lastNanos = 0n;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  nanos(): string {
    const nanos = BigInt(Math.floor(this.#now)) * 1_000_000n;
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1n;
    return this.#lastNanos.toString();
  }

  setTimeout(run: () => void, ms: number): Cancel {
    const timer = { at: this.#monotonic + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait to fire. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves the time and fires the due timers in order. Does not wait for asynchronous work that a timer starts. */
  advance(ms: number): void {
    const target = this.#monotonic + ms;
    for (let next = this.#due(target); next; next = this.#due(target)) this.#fire(next);
    this.#moveTo(target);
  }

  /** Moves the time like `advance`, and lets promises settle before, between and after the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const target = this.#monotonic + ms;
    await settled();
    for (let next = this.#due(target); next; next = this.#due(target)) {
      this.#fire(next);
      await settled();
    }
    this.#moveTo(target);
    await settled();
  }

  #due(target: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > target) continue;
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    }
    return first;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#moveTo(timer.at);
    timer.run();
  }

  #moveTo(at: number): void {
    if (at <= this.#monotonic) return;
    this.#now += at - this.#monotonic;
    this.#monotonic = at;
  }
}

/** Resolves once all promises that can settle without time or I/O have. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
