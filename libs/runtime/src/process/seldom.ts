import type { Clock } from './clock.ts';

/** What stays as it is gets logged again this seldom. */
const RETELL_MS = 600_000;
/** Subjects remembered before old ones are looked for. */
const MANY = 1000;

/** Keeps a failure that repeats from being logged at every try: it is news when it comes, when it changes, and from time to time. */
export class Seldom {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #last = new Map<string, { told: string; at: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Whether to log now that `subject` fails as `told` says. */
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

  /** `subject` is well again: its next failure is news. */
  forget(subject: string): void {
    this.#last.delete(subject);
  }
}
