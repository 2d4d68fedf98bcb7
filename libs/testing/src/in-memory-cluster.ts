import type { Key, KubeObject, Resource } from '@kuperator/api';
import {
  type Clock,
  ConnectionError,
  createLogger,
  type InformerOptions,
  KubeClient,
  systemClock,
  type Transport,
} from '@kuperator/runtime';
import { ApiFailure } from './api-failure.ts';
import { answer } from './api-server.ts';
import { FakeInformer } from './fake-informer.ts';
import { type Fault, Faults, type Write, writeOf } from './faults.ts';
import { ObjectStore } from './object-store.ts';
import { WatchFeed } from './watch-feed.ts';

/**
 * An API server without a network, for tests of reconcilers. `client` is a real KubeClient for it, `informer` a cache that follows at once.
 * `add`, `change` and `remove` act like other clients (users, kubelets): faults do not affect them, and `writes` does not contain them.
 * With `now` and without `clock`, objects get that time in their timestamps, and the waits of the client still take no time.
 * `copyOf` copies the objects of another cluster.
 */
export class InMemoryCluster {
  readonly client: KubeClient;
  /** Every write that reached the API server through `client`, including failed ones. */
  readonly writes: Write[] = [];
  readonly #store: ObjectStore;
  readonly #faults = new Faults();
  readonly #feeds = new Set<WatchFeed>();
  #reachable = true;

  constructor(options: { clock?: Clock; now?: () => number; copyOf?: InMemoryCluster } = {}) {
    const now = options.now ?? (() => (options.clock ?? systemClock).now());
    const { copyOf } = options;
    this.#store = copyOf ? copyOf.#store.copy(now) : new ObjectStore(now);
    // Without a clock from the test, waits between retries take no time.
    const clock = options.clock ?? { ...systemClock, setTimeout: immediately };
    this.client = new KubeClient({ transport: this.#transport(), clock });
  }

  /** Stores an object as given, including its status. */
  add<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const { resourceVersion: _, ...metadata } = object.metadata;
    return this.#store.create(resource, { ...object, metadata }) as T;
  }

  /** Replaces an object by the result of `change`, including its status and metadata. */
  change<T extends KubeObject>(resource: Resource<T>, key: Key, change: (object: T) => T): T {
    const old = this.#store.get(resource, key);
    if (!old) throw new Error(`no ${resource.kind} ${key} to change`);
    return this.#store.update(resource, key, change(old as T)) as T;
  }

  /** Removes an object at once, whatever its finalizers. */
  remove(resource: Resource, key: Key): void {
    this.#store.remove(resource, key);
  }

  /** Ends a terminating Pod like the kubelet: the Pod is removed unless finalizers hold it. */
  finishTermination(resource: Resource, key: Key): void {
    this.#store.delete(resource, key, 0);
  }

  get<T extends KubeObject>(resource: Resource<T>, key: Key): T | undefined {
    return this.#store.get(resource, key) as T | undefined;
  }

  /** All objects of a kind, by key. */
  list<T extends KubeObject>(resource: Resource<T>): readonly T[] {
    return this.#store.list(resource) as readonly T[];
  }

  informer<T extends KubeObject>(
    resource: Resource<T>,
    options: Omit<InformerOptions<T>, 'client' | 'resource' | 'logger'> = {},
  ): FakeInformer<T> {
    return new FakeInformer<T>(this.#store, { client: this.client, resource, logger, ...options });
  }

  /** Makes writes through `client` fail. */
  failWrite(fault: Fault): void {
    this.#faults.add(fault);
  }

  /** Drops all faults that have not occurred yet. */
  healWrites(): void {
    this.#faults.clear();
  }

  /** Cuts or restores the connection. Without it, watches break and requests get no response. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    if (!reachable) this.endWatches(new ConnectionError('connection reset'));
  }

  /** Ends all watches, normally or with an error. */
  endWatches(error?: Error): void {
    for (const feed of this.#feeds) feed.end(error);
    this.#feeds.clear();
  }

  /** Drops the history: a watch from an older version gets 410. */
  compact(): void {
    this.#store.compact();
  }

  /** Sends a bookmark to all watches, as the API server does about once a minute. */
  sendBookmarks(): void {
    for (const feed of this.#feeds) feed.bookmark(String(this.#store.version));
  }

  get resourceVersion(): string {
    return String(this.#store.version);
  }

  #transport(): Transport {
    return {
      send: async (request) => {
        await Promise.resolve();
        if (!this.#reachable) throw new ConnectionError(`${request.method} ${request.path}: connection refused`);
        const write = writeOf(request);
        if (!write) return answer(this.#store, request);
        if (!write.isDryRun) this.writes.push(write);
        const fault = this.#faults.next(write);
        if (!fault) return answer(this.#store, request);
        fault.before?.(write);
        if (fault.takesEffect) answer(this.#store, request);
        if (fault.error === 'connection')
          throw new ConnectionError(`${request.method} ${request.path}: connection reset`);
        const { status, reason, message, retryAfterSeconds } = fault.error;
        const failure = new ApiFailure(status, reason, message, retryAfterSeconds);
        return { status, headers: {}, body: JSON.stringify(failure.toStatus()) };
      },
      stream: async (request) => {
        await Promise.resolve();
        if (!this.#reachable) throw new ConnectionError(`WATCH ${request.path}: connection refused`);
        const feed = new WatchFeed(this.#store, request.path, request.signal);
        this.#feeds.add(feed);
        return { status: 200, headers: {}, body: feed };
      },
      close: async () => this.endWatches(),
    };
  }
}

// All informers share this one, because creating it takes longer than the rest of an informer.
const logger = createLogger({ app: 'test', level: 'silent' });

function immediately(run: () => void): () => void {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}
