import type { Key, KubeObject, Resource } from '@kuperator/api';
import { keyOf } from '@kuperator/api';
import type { Counter } from 'prom-client';
import type { KubeClient } from '../client/client.ts';
import { ApiError, ConnectionError, GoneError, NotFoundError, ThrottledError } from '../client/errors.ts';
import { messageOf, refusalIn } from '../client/logged-error.ts';
import { backoffMs } from '../process/backoff.ts';
import { type Clock, sleep, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Metrics } from '../process/metrics.ts';
import { sampledGauge } from '../process/sampled-gauge.ts';
import { Confirmation } from './confirmation.ts';
import { compileLabelSelector } from './label-selector.ts';
import { type Change, type IndexFunctions, ObjectCache } from './object-cache.ts';
import { compareResourceVersions } from './resource-version.ts';
import { trimmer } from './trim.ts';
import { WatchAge } from './watch-age.ts';
import { WatchFailures } from './watch-failures.ts';
import { WatchStall } from './watch-stall.ts';
import { type WatchScope, watchEvents } from './watch-stream.ts';

export type InformerOptions<T extends KubeObject> = {
  client: KubeClient;
  resource: Resource<T>;
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  /** Returns a copy of an object without the fields that no operator reads. `managedFields` and kubectl's copy of the object are always removed. */
  trim?: (object: T) => T;
  indexes?: IndexFunctions<T>;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
};

// The informer must not wait much longer for a restarted API server than the restart took.
const BACKOFF = { baseMs: 200, maxMs: 5000 };
/** Some upgrades delete a definition and create it again, and its objects return a moment later. Until then the last known objects stay. */
const ABSENT_MS = 60_000;
/** An upgrade that creates a definition again restores the objects only later. For this time an empty cache does not prove that there are none. */
const RESTORE_MS = 30_000;

/**
 * Keeps all objects of a kind (in a namespace, matching the selectors) in memory with one watch. The initial state arrives as a stream
 * (WatchList), or in pages if the API server does not support that. After a lost connection the watch continues where it was; if that is
 * no longer possible, the informer reads the state again and compares. Objects are shared: never change them.
 */
export class Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly #client: KubeClient;
  readonly #scope: WatchScope;
  readonly #selects: (labels: Record<string, string> | undefined) => boolean;
  readonly #trimmed: (object: T) => T;
  readonly #logger: Logger;
  readonly #failures: WatchFailures;
  readonly #clock: Clock;
  readonly #cache: ObjectCache<T>;
  readonly #age: WatchAge;
  readonly #stall: WatchStall;
  /** True for a custom resource, whose definition can be deleted. */
  readonly #isCustom: boolean;
  readonly #confirmation: Confirmation<T>;
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #lists: Counter<'resource' | 'reason'> | undefined;
  readonly #stop = new AbortController();
  readonly #sync = Promise.withResolvers<void>();
  #synced = false;
  /** Why the whole state must be read; undefined if the watch can continue from the version of the cache. */
  #listReason: 'start' | 'gone' | undefined = 'start';
  #running: Promise<void> | undefined;
  #watchList = true;
  /** When the API server first answered that the kind is not defined. */
  #absentSince: number | undefined;
  /** True if it has answered so since the last watch, whatever it answered later. */
  #wasAbsent = false;
  /** Until when objects may be missing, because the definition has been created again. */
  #restoringUntil = Number.NEGATIVE_INFINITY;
  /** Ends the current watch, so that a new one starts. */
  #breakOff: (cause: Error) => void = () => {};

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#client = options.client;
    const { namespace, labelSelector, fieldSelector } = options;
    this.#scope = { namespace, labelSelector, fieldSelector };
    this.#selects = compileLabelSelector(labelSelector);
    this.#trimmed = trimmer(options.trim);
    this.#logger = options.logger.child({ informer: options.resource.plural });
    this.#failures = new WatchFailures(this.#logger);
    this.#clock = options.clock ?? systemClock;
    this.#cache = new ObjectCache<T>({
      emit: (change) => this.#emit(change),
      now: () => this.#clock.monotonic(),
      ...(options.indexes ? { indexes: options.indexes } : {}),
    });
    this.#age = new WatchAge(this.#clock);
    this.#stall = new WatchStall({ clock: this.#clock, cachedVersion: () => this.#cache.version });
    const { group } = options.resource;
    this.#isCustom = group.includes('.') && !group.endsWith('.k8s.io');
    this.#confirmation = new Confirmation<T>({
      client: this.#client,
      resource: this.resource,
      scope: this.#scope,
      cache: this.#cache,
      age: this.#age,
      clock: this.#clock,
      signal: this.#stop.signal,
      isAbsent: () => this.#isAbsent(),
      onMissed: () => this.#breakOff(new ConnectionError('the watch has missed a change')),
    });
    this.#lists = options.metrics?.counter({
      name: 'kuperator_informer_lists_total',
      help: 'How often the whole state was read, by reason.',
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
    sampledGauge(options.metrics, {
      name: 'kuperator_informer_age_seconds',
      help: 'Time since the last sign of life of the watch: an event, a bookmark or an answer.',
      label: 'resource',
      value: options.resource.plural,
      read: () => this.#age.ms / 1000,
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the watch and resolves when it has ended; the cache stays readable. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Resolves when the initial state is complete; rejects with the reason of `signal` if that aborts first. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return;
    if (!signal) return this.#sync.promise;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    await Promise.race([this.#sync.promise, promise]).finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** True once the initial state is complete. */
  hasSynced(): boolean {
    return this.#synced;
  }

  /** Milliseconds since the last sign of life of this watch. About a minute is normal if no object changes. */
  ageMs(): number {
    return this.#age.ms;
  }

  /** Why the watch has failed for 15 s or longer, for a person; undefined otherwise. */
  problem(): string | undefined {
    return this.#age.problem;
  }

  /** True if it is proven that the cache held everything of the namespace at some moment of the last 5 s. */
  isCurrent(namespace?: string): boolean {
    return this.#isWhole() && this.#age.isCurrent(namespace);
  }

  /**
   * Finds out whether the cache holds everything of the namespace. If the watch has been silent, it compares the cache with a list of names
   * and versions. Calls at one time share one list; after a failure the answer stays false for a second.
   * @returns false if that cannot be proven; a watch that has missed a change restarts by itself
   */
  async confirm(namespace?: string): Promise<boolean> {
    if (!this.#isWhole()) return false;
    return this.isCurrent(namespace) || ((await this.#confirmation.confirm(namespace)) && this.#isWhole());
  }

  /** False from the deletion of the definition until its objects have had time to return after it is created again. */
  #isWhole(): boolean {
    const isDefined = !this.#wasAbsent || this.#isAbsent();
    return this.#synced && isDefined && this.#clock.monotonic() >= this.#restoringUntil;
  }

  /** Returns the object with this key, or undefined. */
  get(key: Key): T | undefined {
    return this.#cache.get(key);
  }

  /** Returns all objects, in no order. */
  list(): readonly T[] {
    return this.#cache.list();
  }

  /**
   * Returns the objects that the index has under `value`.
   * @throws Error if the informer has no such index
   */
  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  /** Returns the keys of all objects, in no order. */
  keys(): readonly Key[] {
    return this.#cache.keys();
  }

  /** The highest resourceVersion that the watch has delivered: the cache holds everything up to it. 0 before the first list. */
  resourceVersion(): bigint {
    return BigInt(this.#cache.version || '0');
  }

  /** Calls `handler` for every change from now on; an error that it throws is logged. Returns how to unsubscribe. */
  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Read your writes: takes over the object that a write of ours was answered with, unless the cache has this version or a newer one,
   * or has seen its deletion. Handlers are called as for a watch event; the event itself is dropped when it arrives.
   */
  observe(object: T): void {
    const { namespace } = this.#scope;
    if (namespace && object.metadata.namespace !== namespace) return;
    // The object does not match the selector. If the cache has it, keep the newer state until the watch removes it.
    if (!this.#selects(object.metadata.labels) && !this.#cache.get(keyOf(object))) return;
    this.#cache.observe(this.#trimmed(object));
    this.#confirmation.cacheChanged();
    // With a field selector it is not known whether the watch delivers the event.
    if (!this.#scope.fieldSelector) this.#stall.expect(object.metadata.resourceVersion ?? '');
  }

  /** Notes that a write of ours was answered 404, or has removed the object with this uid. */
  observeGone(key: Key, uid: string): void {
    this.#cache.observeGone(key, uid);
    this.#confirmation.cacheChanged();
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
      this.#age.closed();
      if (failure !== undefined) this.#noteFailure(failure);
      // A server that ends every watch at once must not be asked in a tight loop.
      const vain = this.#cache.version === version && this.#clock.monotonic() - startedAt < 1000;
      failures = failure === undefined && !vain ? 0 : this.#cache.version === version ? failures + 1 : 1;
      if (failure !== undefined) this.#failures.log(failure, failures, this.#listReason);
      if (failures > 0) await this.#pause(failures, failure);
    }
  }

  #noteFailure(failure: unknown): void {
    this.#age.failed(refusalIn(failure) ?? messageOf(failure));
    if (!(failure instanceof NotFoundError)) {
      this.#absentSince = undefined;
      return;
    }
    this.#absentSince ??= this.#clock.monotonic();
    this.#wasAbsent = true;
    // If the kind is defined again, the whole state must be read: the watch cannot show what happened to the objects in between.
    this.#listReason ??= 'gone';
    if (!this.#synced || !this.#isAbsent()) return;
    if (this.#cache.size > 0) {
      this.#logger.warn({ seconds: ABSENT_MS / 1000 }, 'the kind is no longer defined, so it has no objects');
      this.#cache.replace([], this.#cache.version);
    }
    this.#age.proven();
  }

  #isAbsent(): boolean {
    return this.#absentSince !== undefined && this.#clock.monotonic() - this.#absentSince >= ABSENT_MS;
  }

  #pause(failures: number, error: unknown): Promise<void> {
    const atLeastMs = error instanceof ThrottledError ? (error.retryAfterMs ?? 1000) : 0;
    return sleep(this.#clock, Math.max(atLeastMs, backoffMs(failures, BACKOFF)), this.#stop.signal);
  }

  /** Runs one watch request, from the version of the cache or after the whole state. Resolves when the server ends it. */
  async #watch(): Promise<void> {
    const listed = this.#listReason;
    if (listed !== undefined) this.#lists?.inc({ resource: this.resource.plural, reason: listed });
    if (listed !== undefined && !this.#watchList) await this.#listPages();
    const start = this.#listReason === undefined ? this.#cache.version : undefined;
    const abort = new AbortController();
    const stopped = () => abort.abort();
    this.#breakOff = (cause) => abort.abort(cause);
    this.#stop.signal.addEventListener('abort', stopped, { once: true });
    const cancelCheck = this.#stall.start((cause) => abort.abort(cause));
    try {
      await this.#follow(start, abort.signal);
    } catch (error) {
      if (start === undefined && isWatchListRefusal(error)) {
        // Not a failure: older API servers do not support WatchList.
        this.#logger.info('the API server does not support WatchList: reading pages instead');
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
      this.#stall.heard();
      this.#age.heard();
    };
    const onOpen = () => {
      if (this.#wasAbsent && this.#synced) {
        this.#restoringUntil = this.#clock.monotonic() + RESTORE_MS;
      }
      this.#absentSince = undefined;
      this.#wasAbsent = false;
      this.#age.opened(from !== undefined);
    };
    let initial: Map<Key, T> | undefined = from === undefined ? new Map() : undefined;
    const options = { scope: this.#scope, from, signal, onOpen, onBytes };
    for await (const event of watchEvents(this.#client, this.resource, options)) {
      if (event.type === 'BOOKMARK') {
        if (initial && event.initialEnd) {
          this.#replace([...initial.values()], event.version);
          initial = undefined;
        } else if (!initial) {
          this.#bookmark(event.version);
        }
      } else if (initial) {
        // Collected and compared as a whole, to find objects that were deleted while no watch was open.
        if (event.type === 'DELETED') initial.delete(keyOf(event.object));
        else initial.set(keyOf(event.object), this.#trimmed(event.object));
      } else {
        this.#cache.apply(event.type, this.#trimmed(event.object));
        // When a definition is deleted, its objects go first. The watch may stay open afterwards and deliver nothing more.
        if (event.type === 'DELETED' && this.#isCustom) this.#age.unsettled();
        else this.#age.followed();
      }
      this.#confirmation.cacheChanged();
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
    this.#age.proven();
    this.#listReason = undefined;
    this.#confirmation.cacheChanged();
    if (this.#synced) return;
    this.#synced = true;
    this.#sync.resolve();
    this.#logger.info({ objects: objects.length, resourceVersion: version }, 'synced');
  }

  #bookmark(version: string): void {
    if (compareResourceVersions(version, this.#cache.version) < 0) {
      throw new GoneError('the API server is older than the cache: was it restored from a backup?', {
        status: 410,
        reason: 'Expired',
      });
    }
    // A server that has lost its store may repeat the same bookmark, so only a newer one is a proof.
    if (compareResourceVersions(version, this.#cache.version) > 0) this.#age.proven();
    this.#cache.advance(version);
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

/** Servers without WatchList answer 400 or 422 to `sendInitialEvents`. */
function isWatchListRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 400 || error.status === 422);
}
