import { type Key, type KubeObject, keyOf, type Resource } from '@kuperator/api';
import type { KubeClient } from '../client/client.ts';
import { NotFoundError } from '../client/errors.ts';
import { messageOf } from '../client/logged-error.ts';
import { outsidePass } from '../client/pass-signal.ts';
import type { Clock } from '../process/clock.ts';
import type { ObjectCache } from './object-cache.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { WatchAge } from './watch-age.ts';
import type { WatchScope } from './watch-stream.ts';

/** Limit of one list, so that a pass that waits for it goes on. */
const TIMEOUT_MS = 3000;
/** A watch is usually some milliseconds behind a list. A watch that is behind for longer than this has lost an event. */
const CATCH_UP_MS = 1000;
/** Least time between a list that failed and the next one: otherwise each Pod that waits would cause a list of its own. */
const RETRY_MS = 1000;

type ConfirmationDeps<T extends KubeObject> = {
  readonly client: Pick<KubeClient, 'list'>;
  readonly resource: Resource<T>;
  readonly scope: WatchScope;
  readonly cache: Pick<ObjectCache<T>, 'version' | 'get' | 'list'>;
  readonly age: Pick<WatchAge, 'provenAt' | 'failed'>;
  readonly clock: Clock;
  /** Aborts when the informer stops. */
  readonly signal: AbortSignal;
  /** True if the kind has been undefined for so long that it counts as having no objects. */
  readonly isAbsent: () => boolean;
  /** Called when a list shows a change that the watch has not delivered. */
  readonly onMissed: () => void;
};

type Listed = { readonly items: readonly KubeObject[]; readonly metadata: { readonly resourceVersion?: string } };

/**
 * Proves that a cache is current although its watch has been silent: compares the cache with a list of names and versions. A watch
 * may be silent because no object changes, or because the connection is dead; only the API server can tell which.
 */
export class Confirmation<T extends KubeObject> {
  readonly #deps: ConfirmationDeps<T>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #failedAt = new Map<string, number>();
  /** One for each list that the cache has not caught up with. */
  readonly #onCacheChange = new Set<() => void>();

  constructor(deps: ConfirmationDeps<T>) {
    this.#deps = deps;
  }

  /** Must be called after every change of the cache, also of its version alone. */
  cacheChanged(): void {
    for (const look of this.#onCacheChange) look();
  }

  /**
   * Finds out whether the cache holds everything. Calls at one time share one list; after a failure the answer stays false for a second.
   * @param namespace the namespace to compare; undefined for everything that the cache holds
   */
  confirm(namespace: string | undefined): Promise<boolean> {
    const { clock } = this.#deps;
    const name = namespace ?? '';
    const running = this.#running.get(name);
    if (running) return running;
    const failedAt = this.#failedAt.get(name);
    if (failedAt !== undefined && clock.monotonic() - failedAt < RETRY_MS) return Promise.resolve(false);
    // Passes share the list: the end of the pass that asks first must not end it for the others.
    const checking = outsidePass(() => this.#check(namespace)).finally(() => this.#running.delete(name));
    this.#running.set(name, checking);
    return checking;
  }

  async #check(namespace: string | undefined): Promise<boolean> {
    const { cache, age, clock, signal, onMissed } = this.#deps;
    const startedAt = clock.monotonic();
    const fail = (cause: string): false => {
      age.failed(cause);
      this.#noteFailure(namespace ?? '');
      return false;
    };
    let listed: Listed | undefined;
    try {
      listed = await this.#list(namespace);
      if (listed && this.#deps.isAbsent()) return fail('the kind has just been defined again');
    } catch (error) {
      return fail(messageOf(error));
    }
    if (listed && !(await this.#catchUp(comparison(cache, listed, namespace), startedAt))) {
      if (signal.aborted) return false;
      onMissed();
      return fail('the watch has missed a change that a list shows');
    }
    age.provenAt(startedAt, namespace);
    this.#failedAt.delete(namespace ?? '');
    return true;
  }

  /** Waits until the cache has caught up with a list; false if it has not within CATCH_UP_MS of `startedAt`, or the informer stops. */
  async #catchUp(hasCaughtUp: () => boolean, startedAt: number): Promise<boolean> {
    const { clock, signal } = this.#deps;
    if (hasCaughtUp()) return true;
    if (signal.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = () => {
      if (hasCaughtUp()) resolve(true);
    };
    const giveUp = () => resolve(false);
    const cancel = clock.setTimeout(giveUp, startedAt + CATCH_UP_MS - clock.monotonic());
    signal.addEventListener('abort', giveUp, { once: true });
    this.#onCacheChange.add(look);
    try {
      return await promise;
    } finally {
      this.#onCacheChange.delete(look);
      signal.removeEventListener('abort', giveUp);
      cancel();
    }
  }

  /** @returns undefined if the kind is not defined, so that there can be no objects of it */
  async #list(namespace: string | undefined): Promise<Listed | undefined> {
    const { client, resource, scope, clock, isAbsent, onMissed } = this.#deps;
    const { labelSelector, fieldSelector } = scope;
    const timeout = new AbortController();
    const cancel = clock.setTimeout(() => timeout.abort(new Error('no answer in time')), TIMEOUT_MS);
    const options = { labelSelector, fieldSelector, metadataOnly: true, timeoutMs: TIMEOUT_MS, signal: timeout.signal };
    try {
      return await client.list(resource, { ...options, namespace: scope.namespace ?? namespace });
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      if (isAbsent()) return undefined;
      // The watch of a kind that is no longer defined may stay open. A new watch fails, so that the time without the kind counts from now.
      onMissed();
      throw error;
    } finally {
      cancel();
    }
  }

  #noteFailure(name: string): void {
    const now = this.#deps.clock.monotonic();
    this.#failedAt.set(name, now);
    if (this.#failedAt.size <= 1000) return;
    for (const [other, at] of this.#failedAt) if (now - at >= RETRY_MS) this.#failedAt.delete(other);
  }
}

/**
 * Compares a cache with a list again and again. The returned function answers whether the cache is as new as the list, or newer;
 * each call looks only at the objects that were behind at the call before.
 */
function comparison(
  cache: Pick<ObjectCache<KubeObject>, 'version' | 'get' | 'list'>,
  { items, metadata: { resourceVersion } }: Listed,
  namespace: string | undefined,
): () => boolean {
  const listed = new Map(items.map((item) => [keyOf(item), item.metadata.resourceVersion]));
  const isBehind = (key: Key): boolean => {
    const cached = cache.get(key)?.metadata.resourceVersion;
    if (listed.has(key)) return compareResourceVersions(cached, listed.get(key)) < 0;
    // An object that the list does not show has been deleted, unless it was created after the list.
    return cached !== undefined && compareResourceVersions(cached, resourceVersion) <= 0;
  };
  const allBehind = (): Key[] => {
    const cached = cache.list().filter((object) => namespace === undefined || object.metadata.namespace === namespace);
    return [...new Set([...listed.keys(), ...cached.map(keyOf)])].filter(isBehind);
  };
  let behind: Key[] | undefined;
  return () => {
    if (compareResourceVersions(cache.version, resourceVersion) >= 0) return true;
    behind ??= allBehind();
    for (let last = behind.at(-1); last !== undefined && !isBehind(last); last = behind.at(-1)) behind.pop();
    // Events that came since the first comparison may be older than the list, too.
    if (behind.length === 0) behind = allBehind();
    return behind.length === 0;
  };
}
