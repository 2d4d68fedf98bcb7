import { type Key, keyOf, type Pod } from '@kuperator/api';
import { type Clock, compareResourceVersions } from '@kuperator/runtime';

export type Deps = {
  readonly pods: {
    get(key: Key): Pod | undefined;
    onChange(handler: (change: { type: string; key: Key; object: Pod }) => void): () => void;
  };
  readonly clock: Pick<Clock, 'setTimeout'>;
  /**
   * Requests held at once. Each keeps a thread of the API server: one more, and the oldest is told to come back, of the namespace that has
   * most of them.
   */
  readonly limit: number;
};

export type Wait = {
  /** How long at most. */
  readonly ms: number;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly isAwaited: (pod: Pod) => boolean;
};

/** `gone`: the Pod is no more, or no longer under control. */
export type Awaited = Pod | 'gone' | undefined;

type Hold = { readonly asked: Pod; readonly isAwaited: Wait['isAwaited']; readonly end: (awaited: Awaited) => void };

/**
 * Keeps requests about Pods waiting for what the cache will show. What it shows counts only if newer than what the API server
 * asked with: whoever is let through then has to be looked at again by the API server, with the Pod as it is.
 */
export class Holds {
  readonly #deps: Deps;
  /** In the order they came. */
  readonly #holds = new Set<Hold>();
  readonly #byKey = new Map<Key, Set<Hold>>();
  readonly #unsubscribe: () => void;
  #ended = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#unsubscribe = deps.pods.onChange(({ type, key, object }) => {
      for (const hold of this.#byKey.get(key) ?? []) {
        const awaited = type === 'deleted' ? goneSince(hold.asked, object) : newerThan(hold, object);
        if (awaited) hold.end(awaited);
      }
    });
  }

  /** Requests held now. */
  get size(): number {
    return this.#holds.size;
  }

  /** @returns the first version newer than `asked` that is awaited; undefined when it did not come in time */
  async until(asked: Pod, { ms, signal, isAwaited }: Wait): Promise<Awaited> {
    const { pods, clock, limit } = this.#deps;
    const key = keyOf(asked);
    const { promise, resolve } = Promise.withResolvers<Awaited>();
    const now = pods.get(key);
    const present = now && newerThan({ asked, isAwaited }, now);
    if (present || ms <= 0 || limit <= 0 || this.#ended || signal.aborted) return present;
    const hold: Hold = {
      asked,
      isAwaited,
      end: (awaited) => {
        this.#remove(key, hold);
        resolve(awaited);
      },
    };
    const giveUp = () => hold.end(undefined);
    const cancel = clock.setTimeout(giveUp, ms);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#add(key, hold);
    // Who has come last most likely waits for what is quick.
    if (this.#holds.size > limit) this.#oldestOfMost()?.end(undefined);
    try {
      return await promise;
    } finally {
      cancel();
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Tells everybody to come back, now and from now on. */
  end(): void {
    this.#ended = true;
    this.#unsubscribe();
    for (const hold of this.#holds) hold.end(undefined);
  }

  #oldestOfMost(): Hold | undefined {
    const counts = new Map<string | undefined, number>();
    for (const { asked } of this.#holds) {
      const { namespace } = asked.metadata;
      counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    return [...this.#holds].find(({ asked }) => counts.get(asked.metadata.namespace) === most);
  }

  #add(key: Key, hold: Hold): void {
    this.#holds.add(hold);
    const others = this.#byKey.get(key);
    if (others) others.add(hold);
    else this.#byKey.set(key, new Set([hold]));
  }

  #remove(key: Key, hold: Hold): void {
    this.#holds.delete(hold);
    const others = this.#byKey.get(key);
    others?.delete(hold);
    if (others?.size === 0) this.#byKey.delete(key);
  }
}

function newerThan({ asked, isAwaited }: Pick<Hold, 'asked' | 'isAwaited'>, now: Pod): Awaited {
  if (!isNewer(now, asked)) return undefined;
  if (now.metadata.uid !== asked.metadata.uid) return 'gone';
  return isAwaited(now) ? now : undefined;
}

/** A cache that lags may only now learn of an earlier Pod's end. */
function goneSince(asked: Pod, last: Pod): Awaited {
  return last.metadata.uid === asked.metadata.uid && isNewer(last, asked) ? 'gone' : undefined;
}

function isNewer(now: Pod, asked: Pod): boolean {
  return compareResourceVersions(now.metadata.resourceVersion, asked.metadata.resourceVersion) > 0;
}
