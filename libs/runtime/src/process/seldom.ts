import type { Clock } from './clock.ts';

/** A failure that stays the same is logged again after this time. */
const RETELL_MS = 600_000;
/** Number of subjects beyond which old ones are removed. */
const MANY = 1000;

/** Limits the log lines of a repeating failure: it is logged when it first occurs, when it changes, and every ten minutes. */
export class Seldom {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #last = new Map<string, { told: string; at: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** True if the failure `told` of `subject` should be logged now. */
  isNews(subject: string, told: string): boolean {
    const now = this.#clock.monotonic();
    const last = this.#last.get(subject);
    if (last?.told === told && now - last.at < RETELL_MS) return false;
    this.#last.set(subject, { told, at: now });
    if (this.#last.size > MANY) {
      for (const [old, { at }] of this.#last) if (now - at >= RETELL_MS) this.#last.delete(old);
    }
    return true;
  }

  /** Forgets the failure of `subject`, so that its next failure is logged. */
  forget(subject: string): void {
    this.#last.delete(subject);
  }
}
