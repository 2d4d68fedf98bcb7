import { type Key, keyOf, type Pod } from '@kuperator/api';
import { type Clock, compareResourceVersions } from '@kuperator/runtime';

type Deps = {
  readonly pods: {
    get(key: Key): Pod | undefined;
    onChange(handler: (change: { type: string; key: Key; object: Pod }) => void): () => void;
  };
  readonly clock: Pick<Clock, 'setTimeout'>;
  /**
   * Requests held at once. Each occupies a thread of the API server. If there is one more, the oldest request of the namespace with the
   * most requests is told to come back.
   */
  readonly limit: number;
};

export type HoldOptions = {
  /** The longest time to hold the request. */
  readonly ms: number;
  /** Aborts when the API server no longer waits for the answer. */
  readonly signal: AbortSignal;
  readonly isAwaited: (pod: Pod) => boolean;
};

/** `gone`: the Pod no longer exists, or is no longer controlled. */
type Awaited = Pod | 'gone' | undefined;

type HeldRequest = {
  readonly asked: Pod;
  readonly isAwaited: HoldOptions['isAwaited'];
  readonly end: (awaited: Awaited) => void;
};

/**
 * Holds requests about Pods until the cache shows what they wait for. Only a version newer than the one in the request counts: then the API
 * server has to look at the Pod again, as it is now, before it lets the request through.
 */
export class HeldRequests {
  readonly #deps: Deps;
  /** In the order of their arrival. */
  readonly #requests = new Set<HeldRequest>();
  readonly #byKey = new Map<Key, Set<HeldRequest>>();
  readonly #unsubscribe: () => void;
  #ended = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#unsubscribe = deps.pods.onChange(({ type, key, object }) => {
      for (const request of this.#byKey.get(key) ?? []) {
        const awaited = type === 'deleted' ? goneSince(request.asked, object) : newerThan(request, object);
        if (awaited) request.end(awaited);
      }
    });
  }

  /** Requests that are held now. */
  get size(): number {
    return this.#requests.size;
  }

  /** @returns the first version newer than `asked` that is awaited; undefined if there was none in time */
  async until(asked: Pod, { ms, signal, isAwaited }: HoldOptions): Promise<Awaited> {
    const { pods, clock, limit } = this.#deps;
    const key = keyOf(asked);
    const { promise, resolve } = Promise.withResolvers<Awaited>();
    const now = pods.get(key);
    const present = now && newerThan({ asked, isAwaited }, now);
    if (present || ms <= 0 || limit <= 0 || this.#ended || signal.aborted) return present;
    const request: HeldRequest = {
      asked,
      isAwaited,
      end: (awaited) => {
        this.#remove(key, request);
        resolve(awaited);
      },
    };
    const giveUp = () => request.end(undefined);
    const cancel = clock.setTimeout(giveUp, ms);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#add(key, request);
    // The newest request probably waits for a Pod that leaves soon, so an older one makes room.
    if (this.#requests.size > limit) this.#oldestOfMost()?.end(undefined);
    try {
      return await promise;
    } finally {
      cancel();
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Ends all held requests without an outcome. Later ones are not held. */
  end(): void {
    this.#ended = true;
    this.#unsubscribe();
    for (const request of this.#requests) request.end(undefined);
  }

  #oldestOfMost(): HeldRequest | undefined {
    const counts = new Map<string | undefined, number>();
    for (const { asked } of this.#requests) {
      const { namespace } = asked.metadata;
      counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    return [...this.#requests].find(({ asked }) => counts.get(asked.metadata.namespace) === most);
  }

  #add(key: Key, request: HeldRequest): void {
    this.#requests.add(request);
    const others = this.#byKey.get(key);
    if (others) others.add(request);
    else this.#byKey.set(key, new Set([request]));
  }

  #remove(key: Key, request: HeldRequest): void {
    this.#requests.delete(request);
    const others = this.#byKey.get(key);
    others?.delete(request);
    if (others?.size === 0) this.#byKey.delete(key);
  }
}

function newerThan({ asked, isAwaited }: Pick<HeldRequest, 'asked' | 'isAwaited'>, now: Pod): Awaited {
  if (!isNewer(now, asked)) return undefined;
  if (now.metadata.uid !== asked.metadata.uid) return 'gone';
  return isAwaited(now) ? now : undefined;
}

/** A cache that lags may report the end of an earlier Pod of the same name. */
function goneSince(asked: Pod, last: Pod): Awaited {
  return last.metadata.uid === asked.metadata.uid && isNewer(last, asked) ? 'gone' : undefined;
}

function isNewer(now: Pod, asked: Pod): boolean {
  return compareResourceVersions(now.metadata.resourceVersion, asked.metadata.resourceVersion) > 0;
}
