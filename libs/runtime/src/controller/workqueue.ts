import { type Key, splitKey } from '@kuperator/api';
import { type Cancel, type Clock, systemClock } from '../process/clock.ts';

/**
 * A queue of keys, each in it at most once. Namespaces take turns, so that one with thousands of keys does not keep another one waiting; within
 * a namespace the oldest key comes first. A key added while it is being worked on is handed out again only after
 * `done`, so that no two workers have one key and no change is lost.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  /** By namespace; the next one to have a turn comes first. */
  readonly #ready = new Map<string, Set<Key>>();
  #readyKeys = 0;
  readonly #working = new Set<Key>();
  readonly #workingIn = new Map<string, number>();
  /** Added while working: ready again at `done`. */
  readonly #dirty = new Set<Key>();
  readonly #delayed = new Map<Key, { at: number; cancel: Cancel }>();

  constructor({ clock = systemClock, onReady = () => {} }: { clock?: Clock; onReady?: () => void } = {}) {
    this.#clock = clock;
    this.#onReady = onReady;
  }

  /** Keys that wait for a worker, without the delayed ones. */
  get length(): number {
    return this.#readyKeys + this.#dirty.size;
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
    const namespace = namespaceIn(key);
    const keys = this.#ready.get(namespace) ?? new Set<Key>();
    if (keys.has(key)) return;
    keys.add(key);
    this.#ready.set(namespace, keys);
    this.#readyKeys++;
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

  /**
   * The next key to work on; `done` must follow.
   * @param ofIdle only of namespaces of which no key is being worked on
   */
  take({ ofIdle = false }: { ofIdle?: boolean } = {}): Key | undefined {
    for (const [namespace, keys] of this.#ready) {
      if (ofIdle && this.#workingIn.has(namespace)) continue;
      const { value: key } = keys.values().next();
      if (key === undefined) continue;
      keys.delete(key);
      // To the end of the row.
      this.#ready.delete(namespace);
      if (keys.size > 0) this.#ready.set(namespace, keys);
      this.#readyKeys--;
      this.#working.add(key);
      this.#workingIn.set(namespace, (this.#workingIn.get(namespace) ?? 0) + 1);
      return key;
    }
    return undefined;
  }

  done(key: Key): void {
    if (this.#working.delete(key)) {
      const namespace = namespaceIn(key);
      const left = (this.#workingIn.get(namespace) ?? 0) - 1;
      if (left > 0) this.#workingIn.set(namespace, left);
      else this.#workingIn.delete(namespace);
    }
    if (this.#dirty.delete(key)) this.add(key);
  }

  /** Drops all that waits, delayed or not. Keys being worked on are left to their workers. */
  clear(): void {
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#readyKeys = 0;
    this.#dirty.clear();
  }
}

/** A key without a namespace is one itself: that of a namespace, or of an object of the cluster. */
function namespaceIn(key: Key): string {
  return splitKey(key).namespace ?? key;
}
