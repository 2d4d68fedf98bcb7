import type { Key } from '@kuperator/api';
import { type Cancel, type Clock, systemClock } from './clock.ts';

/**
 * A queue of keys, each in it at most once. A key added while it is being worked on is handed out again only after
 * `done`, so that no two workers have one key and no change is lost.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #ready = new Set<Key>();
  readonly #working = new Set<Key>();
  /** Added while working: ready again at `done`. */
  readonly #dirty = new Set<Key>();
  readonly #delayed = new Map<Key, { at: number; cancel: Cancel }>();

  constructor({ clock = systemClock, onReady = () => {} }: { clock?: Clock; onReady?: () => void } = {}) {
    this.#clock = clock;
    this.#onReady = onReady;
  }

  /** Keys that wait for a worker, without the delayed ones. */
  get length(): number {
    return this.#ready.size + this.#dirty.size;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  working(): readonly Key[] {
    return [...this.#working];
  }

  add(key: Key): void {
    if (this.#working.has(key)) {
      this.#dirty.add(key);
      return;
    }
    if (this.#ready.has(key)) return;
    this.#ready.add(key);
    this.#onReady();
  }

  /** Adds the key after `ms`; of several such calls the earliest time counts. */
  addAfter(key: Key, ms: number): void {
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const pending = this.#delayed.get(key);
    if (pending && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#clock.setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, ms);
    this.#delayed.set(key, { at, cancel });
  }

  /** The next key to work on, oldest first; `done` must follow. */
  take(): Key | undefined {
    const { value: key } = this.#ready.values().next();
    if (key === undefined) return undefined;
    this.#ready.delete(key);
    this.#working.add(key);
    return key;
  }

  done(key: Key): void {
    this.#working.delete(key);
    if (this.#dirty.delete(key)) this.add(key);
  }

  /** Drops all that waits, delayed or not. Keys being worked on are left to their workers. */
  clear(): void {
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#dirty.clear();
  }
}
