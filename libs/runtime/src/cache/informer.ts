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
import { WatchAge } from './watch-age.ts';
import { WatchFailures } from './watch-failures.ts';
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
const SILENCE_MS = 90_000;
/** A write of ours was answered, and its event has not come for so long: this watch is dead. */
const OWN_EVENT_MS = 30_000;
/** A definition is deleted and made anew by some upgrades, and its objects come back a moment later: until then the last known ones count. */
const ABSENT_MS = 60_000;
/** Whoever makes a definition anew brings its objects back only after it: for so long none is no proof that there are none. */
const RESTORE_MS = 30_000;

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
  readonly #failures: WatchFailures;
  readonly #clock: Clock;
  readonly #cache: ObjectCache<T>;
  readonly #age: WatchAge;
  /** The kind is one that can be undefined again. */
  readonly #isCustom: boolean;
  readonly #confirmation: Confirmation<T>;
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #lists: Counter<'resource' | 'reason'> | undefined;
  readonly #stop = new AbortController();
  readonly #sync = Promise.withResolvers<void>();
  #synced = false;
  /** Why the whole state has to be read; undefined once it has been, and the watch can go on from the cache's version. */
  #listReason: 'start' | 'gone' | undefined = 'start';
  #running: Promise<void> | undefined;
  #watchList = true;
  #lastBytesAt = 0;
  /** Since when the API server has said that there is no such kind. */
  #absentSince: number | undefined;
  /** It has said so since the last watch, whatever it said after that. */
  #wasAbsent = false;
  /** Until when the objects of a kind that was defined anew may still be missing. */
  #restoringUntil = Number.NEGATIVE_INFINITY;
  /** Breaks the present watch off, so that another one begins. */
  #breakOff: (cause: Error) => void = () => {};
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
    this.#failures = new WatchFailures(this.#logger);
    this.#clock = options.clock ?? systemClock;
    this.#cache = new ObjectCache<T>({
      emit: (change) => this.#emit(change),
      now: () => this.#clock.monotonic(),
      ...(options.indexes ? { indexes: options.indexes } : {}),
    });
    this.#age = new WatchAge(this.#clock);
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
    sampledGauge(options.metrics, {
      name: 'kuperator_informer_age_seconds',
      help: 'Time since the watch last gave a sign of life: an event, a bookmark, an answer.',
      label: 'resource',
      value: options.resource.plural,
      read: () => this.#age.ms / 1000,
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

  /** Milliseconds since the API server last gave a sign of life about this kind. About a minute is usual where nothing happens. */
  ageMs(): number {
    return this.#age.ms;
  }

  /** Why the kind is not followed, once that has lasted; undefined while it is. */
  problem(): string | undefined {
    return this.#age.problem;
  }

  /** Whether the cache is known to have held all there was of the namespace within the last 5 s. */
  isCurrent(namespace?: string): boolean {
    return this.#isWhole() && this.#age.isCurrent(namespace);
  }

  /**
   * Finds out whether the cache holds all there is of the namespace, by a list of names and versions if the watch has been silent. Calls at
   * one time share one list; after a failure the answer stays false for a second.
   * @returns false when that cannot be told; a watch that has missed something begins again by itself
   */
  async confirm(namespace?: string): Promise<boolean> {
    if (!this.#isWhole()) return false;
    return this.isCurrent(namespace) || ((await this.#confirmation.confirm(namespace)) && this.#isWhole());
  }

  /** False from the moment the kind was not defined until whoever defines it anew has had the time to bring its objects back. */
  #isWhole(): boolean {
    const isDefined = !this.#wasAbsent || this.#isAbsent();
    return this.#synced && isDefined && this.#clock.monotonic() >= this.#restoringUntil;
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
    this.#confirmation.cacheChanged();
    this.#await(object.metadata.resourceVersion ?? '');
  }

  /** A write of ours was answered 404, or ended the object with this uid for good. */
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
      // A server that ends every watch at once must not be asked in a tight loop either.
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
    // A kind that is defined anew begins from the start: nothing says what became of its objects meanwhile.
    this.#listReason ??= 'gone';
    if (!this.#synced || !this.#isAbsent()) return;
    if (this.#cache.size > 0) {
      this.#logger.warn({ seconds: ABSENT_MS / 1000 }, 'the kind is not defined any more: there are no objects of it');
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

  /** One watch request: from where we are, or the whole state first. Resolves when the server ends it. */
  async #watch(): Promise<void> {
    const listed = this.#listReason;
    if (listed !== undefined) this.#lists?.inc({ resource: this.resource.plural, reason: listed });
    if (listed !== undefined && !this.#watchList) await this.#listPages();
    const start = this.#listReason === undefined ? this.#cache.version : undefined;
    const abort = new AbortController();
    const stopped = () => abort.abort();
    this.#breakOff = (cause) => abort.abort(cause);
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
        // Collected first and compared as a whole: what vanished while nobody watched has to be found.
        if (event.type === 'DELETED') initial.delete(keyOf(event.object));
        else initial.set(keyOf(event.object), this.#trimmed(event.object));
      } else {
        this.#cache.apply(event.type, this.#trimmed(event.object));
        // With a definition its objects go first. The watch that says so may stay open then, and know nothing of what comes after.
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
      throw new GoneError('the API server is behind what we have seen: restored from a backup?', {
        status: 410,
        reason: 'Expired',
      });
    }
    // A server that has lost its own store may go on saying the same.
    if (compareResourceVersions(version, this.#cache.version) > 0) this.#age.proven();
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
