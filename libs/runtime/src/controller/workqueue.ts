import { type Key, splitKey } from '@kuperator/api';
import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import { Turns } from '../process/turns.ts';

/**
 * A queue of keys that holds each key at most once. Namespaces take turns, so that a namespace with thousands of keys does not delay
 * the others; within a namespace the oldest key comes first. A key that is added while a worker has it is handed out again only
 * after `done`, so two workers never have the same key and no change is lost.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  /** By namespace. */
  readonly #ready = new Turns<Key>();
  readonly #working = new Set<Key>();
  readonly #workingIn = new Map<string, number>();
  /** Keys that were added while a worker had them: ready again at `done`. */
  readonly #dirty = new Set<Key>();
  readonly #delayed = new Map<Key, { at: number; cancel: Cancel }>();

  constructor({ clock = systemClock, onReady = () => {} }: { clock?: Clock; onReady?: () => void } = {}) {
    this.#clock = clock;
    this.#onReady = onReady;
  }

  /** Number of keys that wait for a worker, without delayed keys. */
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
    if (this.#ready.add(namespaceIn(key), key)) this.#onReady();
  }

  /** Adds the key after `ms`; of several calls the earliest time counts. */
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
   * Returns the next key; `done` must follow.
   * @param ofIdle only from namespaces of which no worker has a key
   */
  take({ ofIdle = false }: { ofIdle?: boolean } = {}): Key | undefined {
    const next = this.#ready.take((namespace) => (ofIdle && this.#workingIn.has(namespace) ? undefined : 0));
    if (!next) return undefined;
    const { group: namespace, item: key } = next;
    this.#working.add(key);
    this.#workingIn.set(namespace, (this.#workingIn.get(namespace) ?? 0) + 1);
    return key;
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

  /** Removes all waiting keys, delayed keys included. Workers keep their keys. */
  clear(): void {
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#dirty.clear();
  }
}

/** A key without a namespace counts as a namespace of its own: it names a namespace or a cluster-scoped object. */
function namespaceIn(key: Key): string {
  return splitKey(key).namespace ?? key;
}
