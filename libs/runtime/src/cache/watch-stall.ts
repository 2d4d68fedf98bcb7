import { ConnectionError } from '../client/errors.ts';
import type { Clock } from '../process/clock.ts';
import { compareResourceVersions } from './resource-version.ts';

const CHECK_MS = 10_000;
/** The server sends bookmarks about once a minute, but none for a kind of which it has seen no event: a new watch is cheap. */
const SILENCE_MS = 90_000;
/** A watch that does not deliver the event of our own write within this time is dead. */
const OWN_EVENT_MS = 30_000;

/** Notices a watch that is open but delivers nothing. A half-open connection shows no other sign. */
export class WatchStall {
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimeout'>;
  readonly #cachedVersion: () => string;
  #lastBytesAt = 0;
  /** The first of our own writes whose event has not arrived, and since when. */
  #expected: { version: string; since: number } | undefined;

  constructor(options: { clock: Pick<Clock, 'monotonic' | 'setTimeout'>; cachedVersion: () => string }) {
    this.#clock = options.clock;
    this.#cachedVersion = options.cachedVersion;
  }

  /** Notes that bytes have arrived. */
  heard(): void {
    this.#lastBytesAt = this.#clock.monotonic();
  }

  /** Notes a write of ours that was answered with `version`: the watch must deliver its event. */
  expect(version: string): void {
    if (this.#isDelivered(version)) return;
    this.#expected ??= { version, since: this.#clock.monotonic() };
  }

  /** Begins to check a watch, and calls `end` once if it stalls. Returns how to stop the check. */
  start(end: (cause: Error) => void): () => void {
    this.heard();
    let cancel = () => {};
    const check = () => {
      const cause = this.#stallCause();
      if (cause) end(new ConnectionError(cause));
      else cancel = this.#clock.setTimeout(check, CHECK_MS);
    };
    cancel = this.#clock.setTimeout(check, CHECK_MS);
    return () => cancel();
  }

  #stallCause(): string | undefined {
    const now = this.#clock.monotonic();
    if (this.#expected && this.#isDelivered(this.#expected.version)) this.#expected = undefined;
    if (this.#expected && now - this.#expected.since > OWN_EVENT_MS) {
      this.#expected = undefined;
      return 'the watch has not delivered the event of our own write';
    }
    return now - this.#lastBytesAt > SILENCE_MS ? 'the watch shows no sign of life' : undefined;
  }

  #isDelivered(version: string): boolean {
    return compareResourceVersions(version, this.#cachedVersion()) <= 0;
  }
}
