/**
 * Bounds the requests under way. The bound adapts as TCP's window does: a throttled answer multiplies it by 0.7, each
 * full round of good answers adds one, up to `max`. Waiting requests go first come, first served.
 */
export class InFlight {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #running = 0;
  #good = 0;
  /** Requests admitted so far, and how many had been at the last cut: one overload counts once, not per request. */
  #admitted = 0;
  #cutAt = 0;

  constructor(max: number) {
    this.#max = max;
    this.#limit = max;
  }

  get limit(): number {
    return this.#limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves, when there is room, to the request's ticket; `release` must follow. */
  acquire(): number | Promise<number> {
    if (this.#running < this.#limit && this.#waiting.length === 0) return this.#admit();
    return new Promise((resolve) => this.#waiting.push(() => resolve(this.#admit())));
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
      const next = this.#waiting.shift();
      if (!next) return;
      next();
    }
  }

  #admit(): number {
    this.#running++;
    return ++this.#admitted;
  }
}
