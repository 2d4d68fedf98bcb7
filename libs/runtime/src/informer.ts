import type { Key, KubeObject, Resource } from '@kuperator/api';
import { keyOf } from '@kuperator/api';
import type { Counter } from 'prom-client';
import { backoffMs } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { ApiError, ConnectionError, GoneError, ThrottledError } from './errors.ts';
import { compileLabelSelector } from './label-selector.ts';
import { refusalIn, withoutNames } from './logged-error.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { type Change, type IndexFunctions, ObjectCache } from './object-cache.ts';
import { compareResourceVersions } from './resource-version.ts';
import { sampledGauge } from './sampled-gauge.ts';
import { type WatchScope, watchEvents } from './watch-stream.ts';

export type InformerOptions<T extends KubeObject> = {
  client: KubeClient;
  resource: Resource<T>;
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  /** Cuts from each object what nobody reads, returning a new object; managedFields, and the copy of the object that kubectl keeps, always are. */
  trim?: (object: T) => T;
  indexes?: IndexFunctions<T>;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
};

// A restarted API server should not be waited for much longer than its restart took.
const BACKOFF = { baseMs: 200, maxMs: 5000 };
const STALL_CHECK_MS = 10_000;
/** The server sends bookmarks about once a minute, but none for a kind it has seen no event of: a new watch is cheap. */
const SILENCE_MS = 180_000;
/** A write of ours was answered, and its event has not come for so long: this watch is dead. */
const OWN_EVENT_MS = 30_000;

/**
 * Keeps all objects of a kind (in a namespace, matching the selectors) in memory by one watch: the initial state streams
 * in (WatchList; paged list where the server has none), a lost connection goes on where it was, and when that is no
 * longer possible the state is read anew and compared. Objects are shared: never change them.
 */
export class Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly #client: KubeClient;
  readonly #scope: WatchScope;
  readonly #selects: (labels: Record<string, string> | undefined) => boolean;
  readonly #trim: (object: T) => T;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #cache: ObjectCache<T>;
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #lists: Counter<'resource' | 'reason'> | undefined;
  readonly #stop = new AbortController();
  readonly #sync = Promise.withResolvers<void>();
  #synced = false;
  /** Why the whole state has to be read; undefined once it has been, and the watch can go on from the cache's version. */
  #listReason: 'start' | 'gone' | undefined = 'start';
  #running: Promise<void> | undefined;
  #watchList = true;
  /** What was last told of a watch that fails. */
  #told: string | undefined;
  #lastBytesAt = 0;
  /** Highest version a write of ours was answered with beyond what the watch has delivered, and since when. */
  #awaited: { version: string; since: number } | undefined;

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#client = options.client;
    const { namespace, labelSelector, fieldSelector } = options;
    this.#scope = { namespace, labelSelector, fieldSelector };
    this.#selects = compileLabelSelector(labelSelector);
    this.#trim = options.trim ?? ((object) => object);
    this.#logger = options.logger.child({ informer: options.resource.plural });
    this.#clock = options.clock ?? systemClock;
    this.#cache = new ObjectCache<T>({
      emit: (change) => this.#emit(change),
      now: () => this.#clock.monotonic(),
      ...(options.indexes ? { indexes: options.indexes } : {}),
    });
    this.#lists = options.metrics?.counter({
      name: 'kuperator_informer_lists_total',
      help: 'Times the whole state was read, and why.',
      labels: ['resource', 'reason'],
    });
    if (!options.metrics) return;
    sampledGauge(options.metrics, {
      name: 'kuperator_informer_objects',
      help: 'Objects in the cache.',
      label: 'resource',
      value: options.resource.plural,
      read: () => this.#cache.size,
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the watch; the cache stays readable. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Resolves once the initial state is complete; rejects when `signal` aborts before. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return;
    if (!signal) return this.#sync.promise;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    await Promise.race([this.#sync.promise, promise]).finally(() => signal.removeEventListener('abort', onAbort));
  }

  hasSynced(): boolean {
    return this.#synced;
  }

  get(key: Key): T | undefined {
    return this.#cache.get(key);
  }

  list(): readonly T[] {
    return this.#cache.list();
  }

  /** @throws Error when the informer was made without that index */
  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  keys(): readonly Key[] {
    return this.#cache.keys();
  }

  /** Highest resourceVersion the watch has delivered: the cache holds everything up to it. 0 before the first list. */
  resourceVersion(): bigint {
    return BigInt(this.#cache.version || '0');
  }

  /** Calls `handler` for every change from now on; what it throws is logged. Answers how to stop that. */
  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Read your writes: takes over an object as a write of ours was answered with, unless the cache has that or a newer
   * version or saw its deletion. Handlers are called as for a watch event; the event itself is then dropped.
   */
  observe(object: T): void {
    const { namespace } = this.#scope;
    if (namespace && object.metadata.namespace !== namespace) return;
    // No longer ours, or never was. If we have it, the newer state is shown until the watch takes it out.
    if (!this.#selects(object.metadata.labels) && !this.#cache.get(keyOf(object))) return;
    this.#cache.observe(this.#trimmed(object));
    this.#await(object.metadata.resourceVersion ?? '');
  }

  /** A write of ours was answered 404, or ended the object with this uid for good. */
  observeGone(key: Key, uid: string): void {
    this.#cache.observeGone(key, uid);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const startedAt = this.#clock.monotonic();
      const version = this.#cache.version;
      let failure: unknown;
      try {
        await this.#watch();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof GoneError) this.#listReason = 'gone';
        failure = error;
      }
      // A server that ends every watch at once must not be asked in a tight loop either.
      const vain = this.#cache.version === version && this.#clock.monotonic() - startedAt < 1000;
      failures = failure === undefined && !vain ? 0 : this.#cache.version === version ? failures + 1 : 1;
      if (failure !== undefined) this.#logFailure(failure, failures);
      if (failures > 0) await this.#pause(failures, failure);
    }
  }

  #logFailure(failure: unknown, failures: number): void {
    const list = this.#listReason;
    // Said for a moment of every kind whose definition has just been installed ("storage is (re)initializing").
    if (failure instanceof ThrottledError) {
      this.#logger.info({ failures, list, cause: failure.message }, 'told to come back later');
      return;
    }
    const cause = refusalIn(failure);
    if (cause === undefined) {
      this.#logger.warn({ err: failure, failures, list }, 'watch failed');
      return;
    }
    // An API server that is away is said once, not at every try; the first failure after progress is news again.
    const told = withoutNames(cause);
    const isNews = failures === 1 || this.#told !== told;
    this.#told = told;
    this.#logger[isNews ? 'warn' : 'debug']({ cause, failures, list }, 'watch failed; tried again');
  }

  #pause(failures: number, error: unknown): Promise<void> {
    const atLeastMs = error instanceof ThrottledError ? (error.retryAfterMs ?? 1000) : 0;
    return sleep(this.#clock, Math.max(atLeastMs, backoffMs(failures, BACKOFF)), this.#stop.signal);
  }

  /** One watch request: from where we are, or the whole state first. Resolves when the server ends it. */
  async #watch(): Promise<void> {
    const listed = this.#listReason;
    if (listed !== undefined) this.#lists?.inc({ resource: this.resource.plural, reason: listed });
    if (listed !== undefined && !this.#watchList) await this.#listPages();
    const start = this.#listReason === undefined ? this.#cache.version : undefined;
    const abort = new AbortController();
    const stopped = () => abort.abort();
    this.#stop.signal.addEventListener('abort', stopped, { once: true });
    const cancelCheck = this.#watchForStall(abort);
    try {
      await this.#follow(start, abort.signal);
    } catch (error) {
      if (start === undefined && isWatchListRefusal(error)) {
        // No failure: older API servers have none.
        this.#logger.info('no WatchList here: reading pages instead');
        this.#watchList = false;
        return;
      }
      throw abort.signal.aborted && !this.#stop.signal.aborted ? abort.signal.reason : error;
    } finally {
      cancelCheck();
      this.#stop.signal.removeEventListener('abort', stopped);
      abort.abort();
    }
  }

  async #follow(from: string | undefined, signal: AbortSignal): Promise<void> {
    const onBytes = () => {
      this.#lastBytesAt = this.#clock.monotonic();
    };
    let initial: Map<Key, T> | undefined = from === undefined ? new Map() : undefined;
    for await (const event of watchEvents(this.#client, this.resource, { scope: this.#scope, from, signal, onBytes })) {
      if (event.type === 'BOOKMARK') {
        if (initial && event.initialEnd) {
          this.#replace([...initial.values()], event.version);
          initial = undefined;
        } else if (!initial) {
          this.#bookmark(event.version);
        }
      } else if (initial) {
        // Collected first and compared as a whole: what vanished while nobody watched has to be found.
        if (event.type === 'DELETED') initial.delete(keyOf(event.object));
        else initial.set(keyOf(event.object), this.#trimmed(event.object));
      } else {
        this.#cache.apply(event.type, this.#trimmed(event.object));
      }
    }
    if (initial) throw new ConnectionError('the watch ended before the initial state was complete');
  }

  async #listPages(): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#scope;
    const list = await this.#client.list(this.resource, {
      ...(namespace ? { namespace } : {}),
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
    });
    const objects = list.items.map((object) => this.#trimmed(object));
    this.#replace(objects, list.metadata.resourceVersion ?? '');
  }

  #replace(objects: readonly T[], version: string): void {
    this.#cache.replace(objects, version);
    this.#listReason = undefined;
    if (this.#synced) return;
    this.#synced = true;
    this.#sync.resolve();
    this.#logger.info({ objects: objects.length, resourceVersion: version }, 'synced');
  }

  #bookmark(version: string): void {
    if (compareResourceVersions(version, this.#cache.version) < 0) {
      throw new GoneError('the API server is behind what we have seen: restored from a backup?', {
        status: 410,
        reason: 'Expired',
      });
    }
    this.#cache.advance(version);
  }

  #await(version: string): void {
    // Whether an event must come is known for label selectors only.
    if (this.#scope.fieldSelector || compareResourceVersions(version, this.#cache.version) <= 0) return;
    this.#awaited ??= { version, since: this.#clock.monotonic() };
  }

  /** Aborts the watch when nothing comes although something should. A half-open connection shows no other sign. */
  #watchForStall(abort: AbortController): () => void {
    this.#lastBytesAt = this.#clock.monotonic();
    let cancel = () => {};
    const check = () => {
      const now = this.#clock.monotonic();
      const awaited = this.#awaited;
      if (awaited && compareResourceVersions(awaited.version, this.#cache.version) <= 0) this.#awaited = undefined;
      const silent = now - this.#lastBytesAt > SILENCE_MS;
      const missing = this.#awaited !== undefined && now - this.#awaited.since > OWN_EVENT_MS;
      if (missing) this.#awaited = undefined;
      if (silent || missing) {
        abort.abort(new ConnectionError(missing ? 'the event of a write of ours did not come' : 'no sign of life'));
      } else {
        cancel = this.#clock.setTimeout(check, STALL_CHECK_MS);
      }
    };
    cancel = this.#clock.setTimeout(check, STALL_CHECK_MS);
    return () => cancel();
  }

  #trimmed(object: T): T {
    const { managedFields, ...metadata } = object.metadata;
    const isApplied = metadata.annotations?.[LAST_APPLIED_ANNOTATION] !== undefined;
    if (managedFields === undefined && !isApplied) return this.#trim(object);
    if (isApplied) {
      const { [LAST_APPLIED_ANNOTATION]: _, ...annotations } = metadata.annotations ?? {};
      metadata.annotations = annotations;
    }
    return this.#trim({ ...object, metadata });
  }

  #emit(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#logger.error({ err: error, key: change.key }, 'change handler failed');
      }
    }
  }
}

/** The whole object once more, as it was given to `kubectl apply`. */
const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** Servers without WatchList answer 400 or 422 to `sendInitialEvents`. */
function isWatchListRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 400 || error.status === 422);
}
