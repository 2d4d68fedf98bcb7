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
 * An API server without a network, for tests of reconcilers. `client` is a real KubeClient on it, `informer` a cache
 * that follows at once. `add`, `change`, `remove` are what others do (users, kubelets): no faults, not among `writes`.
 * `now` is the time that objects are stamped with, where the client's waits are to take none all the same. `copyOf` gives it the objects of another one, which stays as it is.
 */
export class InMemoryCluster {
  readonly client: KubeClient;
  /** Every write that reached the API server through `client`, failed ones included. */
  readonly writes: Write[] = [];
  readonly #store: ObjectStore;
  readonly #faults = new Faults();
  readonly #feeds = new Set<WatchFeed>();
  #reachable = true;

  constructor(options: { clock?: Clock; now?: () => number; copyOf?: InMemoryCluster } = {}) {
    const now = options.now ?? (() => (options.clock ?? systemClock).now());
    const { copyOf } = options;
    this.#store = copyOf ? copyOf.#store.copy(now) : new ObjectStore(now);
    // Waits between retries take no time, unless the test has a clock to move.
    const clock = options.clock ?? { ...systemClock, setTimeout: immediately };
    this.client = new KubeClient({ transport: this.#transport(), clock });
  }

  /** Puts an object there as it is given, status included. */
  add<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const { resourceVersion: _, ...metadata } = object.metadata;
    return this.#store.create(resource, { ...object, metadata }) as T;
  }

  /** Replaces an object by what `change` makes of it, status and metadata included. */
  change<T extends KubeObject>(resource: Resource<T>, key: Key, change: (object: T) => T): T {
    const old = this.#store.get(resource, key);
    if (!old) throw new Error(`no ${resource.kind} ${key} to change`);
    return this.#store.update(resource, key, change(old as T)) as T;
  }

  /** Takes an object out at once, whatever its finalizers. */
  remove(resource: Resource, key: Key): void {
    this.#store.remove(resource, key);
  }

  /** What the kubelet does at the end of a terminating Pod: it goes, unless finalizers hold it. */
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

  /** Drops all faults still to come. */
  healWrites(): void {
    this.#faults.clear();
  }

  /** Cuts or restores the connection: watches break off, requests get no answer. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    if (!reachable) this.endWatches(new ConnectionError('connection reset'));
  }

  /** Ends all watches: in order, or broken off when there is an error. */
  endWatches(error?: Error): void {
    for (const feed of this.#feeds) feed.end(error);
    this.#feeds.clear();
  }

  /** Forgets the history: who watches from an older version is answered 410. */
  compact(): void {
    this.#store.compact();
  }

  /** Tells all watches how far they are, as the API server does about once a minute. */
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
        const { message, ...answered } = fault.error;
        const failure = new ApiFailure(answered, message);
        return { status: failure.status, headers: {}, body: JSON.stringify(failure.toStatus()) };
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

// One for all: making it takes longer than all else about an informer.
const logger = createLogger({ app: 'test', level: 'silent' });

function immediately(run: () => void): () => void {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}
