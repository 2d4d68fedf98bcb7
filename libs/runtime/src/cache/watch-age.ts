import type { Clock } from '../process/clock.ts';

/** A cache counts as current for so long after the last proof of it. Decisions that need a current cache then ask for another. */
const CURRENT_MS = 5000;
/** A watch that is opened again so soon has missed next to nothing; later, what it missed has to come first. */
const SHORT_GAP_MS = 2000;
/** A restarted API server, or one reconnect after the other, is no problem to report yet. */
const FAILING_MS = 15_000;

/**
 * How old the knowledge of one informer is. A *sign of life* is any answer of the API server; a *proof* says that the cache holds
 * everything up to this moment: an event or a bookmark of a watch that has caught up, a whole list, or a list that was compared.
 */
export class WatchAge {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #startedAt: number;
  #heardAt: number | undefined;
  #provenAt: number | undefined;
  /** By namespace, from lists of that namespace alone. */
  readonly #provenIn = new Map<string, number>();
  #isOpen = false;
  #hasCaughtUp = false;
  #closedAt = Number.NEGATIVE_INFINITY;
  #failing: { since: number; cause: string } | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Milliseconds since the last sign of life. */
  get ms(): number {
    return this.#clock.monotonic() - (this.#heardAt ?? this.#startedAt);
  }

  /** Any answer of the API server, or a part of one. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  /** The API server has accepted a watch. @param isResumed it goes on from the version of the cache */
  opened(isResumed: boolean): void {
    this.heard();
    this.#isOpen = true;
    this.#failing = undefined;
    const gapMs = this.#clock.monotonic() - this.#closedAt;
    this.#hasCaughtUp = isResumed && this.#hasCaughtUp && gapMs <= SHORT_GAP_MS;
  }

  closed(): void {
    if (this.#isOpen) this.#closedAt = this.#clock.monotonic();
    this.#isOpen = false;
  }

  /** An event was taken into the cache. Those a watch brings after a gap may be old. */
  followed(): void {
    if (!this.#hasCaughtUp) return;
    this.#failing = undefined;
    this.#provenAt = this.#clock.monotonic();
  }

  /** An event was the last one for all that is known: what comes after it may come by another watch. */
  unsettled(): void {
    this.#provenAt = undefined;
    this.#provenIn.clear();
  }

  /** The cache holds everything up to now. */
  proven(): void {
    this.heard();
    this.#failing = undefined;
    this.#hasCaughtUp = true;
    this.#provenAt = this.#clock.monotonic();
  }

  /** The cache held everything of a namespace (undefined: all it is to hold) at `atMs`. */
  provenAt(atMs: number, namespace: string | undefined): void {
    this.heard();
    if (this.#isOpen) this.#failing = undefined;
    if (namespace === undefined) this.#provenAt = Math.max(atMs, this.#provenAt ?? atMs);
    else this.#provenIn.set(namespace, atMs);
    if (this.#provenIn.size <= 1000) return;
    for (const [name, at] of this.#provenIn) if (this.#clock.monotonic() - at > CURRENT_MS) this.#provenIn.delete(name);
  }

  /** What was proven before says nothing any more: the watch may have ended because of what it would have told. */
  failed(cause: string): void {
    this.#provenAt = undefined;
    this.#provenIn.clear();
    this.#failing = { since: this.#failing?.since ?? this.#clock.monotonic(), cause };
  }

  isCurrent(namespace: string | undefined): boolean {
    const inNamespace = namespace === undefined ? undefined : this.#provenIn.get(namespace);
    const at = Math.max(this.#provenAt ?? Number.NEGATIVE_INFINITY, inNamespace ?? Number.NEGATIVE_INFINITY);
    return this.#clock.monotonic() - at <= CURRENT_MS;
  }

  /** What has been wrong for longer than a restart of the API server takes, for a person. */
  get problem(): string | undefined {
    if (!this.#failing) return undefined;
    const ms = this.#clock.monotonic() - this.#failing.since;
    return ms < FAILING_MS ? undefined : `not followed for ${Math.round(ms / 1000)} s: ${this.#failing.cause}`;
  }
}
