import { type KubeObject, keyOf, type Resource } from '@kuperator/api';
import type { KubeClient } from '../client/client.ts';
import { NotFoundError } from '../client/errors.ts';
import { messageOf } from '../client/logged-error.ts';
import { type Clock, sleep } from '../process/clock.ts';
import type { ObjectCache } from './object-cache.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { WatchAge } from './watch-age.ts';
import type { WatchScope } from './watch-stream.ts';

/** A list that takes longer confirms nothing: who waits for it has other things to do. */
const TIMEOUT_MS = 3000;
/** A watch is some milliseconds behind a list. One that is behind for so long has lost something. */
const CATCH_UP_MS = 1000;
const LOOK_AGAIN_MS = 50;
/** After a list that failed the next one is made so much later: each Pod that waits would ask for its own. */
const RETRY_MS = 1000;

export type ConfirmationDeps<T extends KubeObject> = {
  readonly client: Pick<KubeClient, 'list'>;
  readonly resource: Resource<T>;
  readonly scope: WatchScope;
  readonly cache: Pick<ObjectCache<T>, 'version' | 'get' | 'list'>;
  readonly age: Pick<WatchAge, 'provenAt' | 'failed'>;
  readonly clock: Clock;
  /** Aborts when the informer stops. */
  readonly signal: AbortSignal;
  /** True when the kind has not been defined for so long that there are no objects of it. */
  readonly isAbsent: () => boolean;
  /** The list shows what the watch has not brought. */
  readonly onMissed: () => void;
};

type Listed = { readonly items: readonly KubeObject[]; readonly metadata: { readonly resourceVersion?: string } };

/**
 * Proves that a cache is current where its watch has been silent: compares it with a list of names and versions. A silent watch may be
 * one of a kind that nobody changes, or one that has died without a sign; only the API server can tell which.
 */
export class Confirmation<T extends KubeObject> {
  readonly #deps: ConfirmationDeps<T>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #failedAt = new Map<string, number>();

  constructor(deps: ConfirmationDeps<T>) {
    this.#deps = deps;
  }

  /** @param namespace undefined: all that the cache is to hold */
  confirm(namespace: string | undefined): Promise<boolean> {
    const { clock } = this.#deps;
    const name = namespace ?? '';
    const running = this.#running.get(name);
    if (running) return running;
    const failedAt = this.#failedAt.get(name);
    if (failedAt !== undefined && clock.monotonic() - failedAt < RETRY_MS) return Promise.resolve(false);
    const checking = this.#check(namespace).finally(() => this.#running.delete(name));
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
      if (listed && this.#deps.isAbsent()) return fail('the kind has just been defined anew');
    } catch (error) {
      return fail(messageOf(error));
    }
    while (listed && !holdsAll(cache, listed, namespace)) {
      if (signal.aborted) return false;
      if (clock.monotonic() - startedAt > CATCH_UP_MS) {
        onMissed();
        return fail('the watch has missed a change that a list shows');
      }
      await sleep(clock, LOOK_AGAIN_MS, signal);
    }
    age.provenAt(startedAt, namespace);
    this.#failedAt.delete(namespace ?? '');
    return true;
  }

  /** @returns undefined when there can be no objects of the kind */
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
      // A watch of a kind that is not defined any more may stay open: broken off, it counts the time from now.
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

/** Whether the cache is as new as the list, or newer. */
function holdsAll(
  cache: Pick<ObjectCache<KubeObject>, 'version' | 'get' | 'list'>,
  { items, metadata }: Listed,
  namespace: string | undefined,
): boolean {
  const { resourceVersion } = metadata;
  if (compareResourceVersions(cache.version, resourceVersion) >= 0) return true;
  const listed = new Set<string>();
  for (const item of items) {
    const key = keyOf(item);
    listed.add(key);
    if (compareResourceVersions(cache.get(key)?.metadata.resourceVersion, item.metadata.resourceVersion) < 0)
      return false;
  }
  // What is not in the list has been deleted, unless it was made after it.
  return cache
    .list()
    .filter((object) => namespace === undefined || object.metadata.namespace === namespace)
    .every(
      (object) =>
        listed.has(keyOf(object)) || compareResourceVersions(object.metadata.resourceVersion, resourceVersion) > 0,
    );
}
