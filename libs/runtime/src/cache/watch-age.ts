import type { Clock } from '../process/clock.ts';

/** How long a cache counts as current after the last proof. A decision that needs a current cache then asks for another proof. */
const CURRENT_MS = 5000;
/** A watch that reopens within this time has missed almost nothing. After a longer gap it must catch up before it counts as current. */
const SHORT_GAP_MS = 2000;
/** Failures are reported after this time: a restart of the API server, or some reconnects, are no problem. */
const FAILING_MS = 15_000;

/**
 * Tracks how current the cache of one informer is. A *sign of life* is any answer of the API server. A *proof* shows that the cache holds
 * everything up to this moment: an event or bookmark of a watch that has caught up, a complete list, or a list that was compared.
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

  /** Notes an answer of the API server, or a part of one. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  /** Notes that the API server has accepted a watch. @param isResumed the watch continues from the version of the cache */
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

  /** Notes that the cache has applied an event. It is no proof before the watch has caught up: events after a gap may be old. */
  followed(): void {
    if (!this.#hasCaughtUp) return;
    this.#failing = undefined;
    this.#provenAt = this.#clock.monotonic();
  }

  /** Drops all proofs after an event that may be the last one of this watch: later events may need another watch. */
  unsettled(): void {
    this.#provenAt = undefined;
    this.#provenIn.clear();
  }

  /** Notes a proof: the cache holds everything up to now. */
  proven(): void {
    this.heard();
    this.#failing = undefined;
    this.#hasCaughtUp = true;
    this.#provenAt = this.#clock.monotonic();
  }

  /** Notes a proof that the cache held everything of a namespace at `atMs`; without a namespace, everything of the kind. */
  provenAt(atMs: number, namespace: string | undefined): void {
    this.heard();
    if (this.#isOpen) this.#failing = undefined;
    if (namespace === undefined) this.#provenAt = Math.max(atMs, this.#provenAt ?? atMs);
    else this.#provenIn.set(namespace, atMs);
    if (this.#provenIn.size <= 1000) return;
    for (const [name, at] of this.#provenIn) if (this.#clock.monotonic() - at > CURRENT_MS) this.#provenIn.delete(name);
  }

  /** Notes a failure and drops all proofs: the watch may have failed because of a change that it did not deliver. */
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

  /** Describes a failure that has lasted longer than a restart of the API server takes, for a person; else undefined. */
  get problem(): string | undefined {
    if (!this.#failing) return undefined;
    const ms = this.#clock.monotonic() - this.#failing.since;
    return ms < FAILING_MS ? undefined : `not followed for ${Math.round(ms / 1000)} s: ${this.#failing.cause}`;
  }
}
