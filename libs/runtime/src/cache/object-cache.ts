import { type Key, type KubeObject, keyOf } from '@kuperator/api';
import { compareResourceVersions } from './resource-version.ts';

/** One change of a cached object. `object` is the newest known state; for `deleted` it is the last one. */
export type Change<T> = { type: 'added' | 'updated' | 'deleted'; key: Key; object: T; old?: T };

/** Maps an object to the values under which an index finds it. */
export type IndexFunctions<T> = Record<string, (object: T) => readonly string[]>;

type Gone = { version: string | undefined; at: number };
const GONE_MAX_AGE_MS = 15 * 60_000;

/**
 * The objects of one kind, from a watch and from the answers to our own writes, which may arrive in any order.
 *
 * Three facts make the order irrelevant. resourceVersions compare across objects, and across objects that had the same name. The watch
 * delivers in their order: everything up to `version` has been seen, so an object of such a version that is not in the cache has been
 * deleted. And a uid is never used again.
 */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<Key, T>();
  readonly #indexes = new Map<string, { of: (object: T) => readonly string[]; buckets: Map<string, Map<Key, T>> }>();
  readonly #emit: (change: Change<T>) => void;
  readonly #now: () => number;
  /** uids of objects that our own writes found gone, and whose DELETED event has not arrived yet. */
  readonly #gone = new Map<string, Gone>();
  #list: readonly T[] | undefined;
  #version = '';

  constructor(options: { emit: (change: Change<T>) => void; indexes?: IndexFunctions<T>; now?: () => number }) {
    this.#emit = options.emit;
    this.#now = options.now ?? (() => performance.now());
    for (const [name, of] of Object.entries(options.indexes ?? {})) {
      this.#indexes.set(name, { of, buckets: new Map() });
    }
  }

  /** resourceVersion up to which the watch has delivered everything; empty before the first list. */
  get version(): string {
    return this.#version;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: Key): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    this.#list ??= [...this.#objects.values()];
    return this.#list;
  }

  keys(): readonly Key[] {
    return [...this.#objects.keys()];
  }

  /** @throws Error if there is no such index: a misspelt name must not look like an empty result */
  byIndex(index: string, value: string): readonly T[] {
    const known = this.#indexes.get(index);
    if (!known) throw new Error(`no index "${index}"; there are: ${[...this.#indexes.keys()].join(', ')}`);
    const bucket = known.buckets.get(value);
    return bucket ? [...bucket.values()] : [];
  }

  /** Applies a watch event. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const version = object.metadata.resourceVersion ?? '';
    if (type === 'DELETED') this.#delete(object, version);
    else this.#upsert(object);
    this.advance(version);
  }

  /** Notes that the watch has delivered everything up to `version` (a bookmark). */
  advance(version: string): void {
    if (compareResourceVersions(version, this.#version) > 0) this.#version = version;
  }

  /** Replaces the whole state by that at `version`: objects that are not in it were deleted while no watch was open. */
  replace(objects: readonly T[], version: string): void {
    // Versions go back only if etcd was restored from a backup; the known versions are not comparable then.
    const reset = compareResourceVersions(version, this.#version) < 0;
    if (reset) this.#gone.clear();
    const present = new Map(objects.map((object) => [keyOf(object), object]));
    for (const [key, old] of this.#objects) {
      // This object is newer than the list: it is the response of a write of ours, whose event has not arrived yet.
      const newer = !reset && compareResourceVersions(old.metadata.resourceVersion, version) > 0;
      if (!present.has(key) && !newer) this.#remove(key, old);
    }
    const uids = new Set(objects.map((object) => object.metadata.uid));
    for (const [uid, gone] of this.#gone) {
      const settled = gone.version !== undefined && compareResourceVersions(gone.version, version) <= 0;
      if ((settled && !uids.has(uid)) || this.#now() - gone.at > GONE_MAX_AGE_MS) this.#gone.delete(uid);
    }
    this.#version = version;
    for (const object of objects) this.#upsert(object, reset);
  }

  /** Takes over an object that a write of ours was answered with. */
  observe(object: T): void {
    const version = object.metadata.resourceVersion ?? '';
    const unknown = !this.#objects.has(keyOf(object));
    if (unknown && compareResourceVersions(version, this.#version) <= 0) return;
    this.#upsert(object);
  }

  /** Notes that the object with this uid no longer exists, or never existed under this key. */
  observeGone(key: Key, uid: string): void {
    const object = this.#objects.get(key);
    const held = object?.metadata.uid === uid ? object : undefined;
    this.#gone.set(uid, { version: held?.metadata.resourceVersion, at: this.#now() });
    if (held) this.#remove(key, held);
  }

  #upsert(object: T, force = false): void {
    const { uid, resourceVersion } = object.metadata;
    if (uid !== undefined && this.#gone.has(uid)) return;
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (!old) {
      this.#put(key, object, undefined);
      this.#emit({ type: 'added', key, object });
      return;
    }
    const order = compareResourceVersions(resourceVersion, old.metadata.resourceVersion);
    if (force ? order === 0 : order <= 0) return;
    if (old.metadata.uid !== uid) {
      // Deleted and created again under the same name: handlers must see both.
      this.#remove(key, old);
      this.#put(key, object, undefined);
      this.#emit({ type: 'added', key, object });
      return;
    }
    this.#put(key, object, old);
    this.#emit({ type: 'updated', key, object, old });
  }

  #delete(object: T, version: string): void {
    const { uid } = object.metadata;
    if (uid !== undefined) this.#gone.delete(uid);
    const key = keyOf(object);
    const old = this.#objects.get(key);
    // This object is newer than the deletion: it is a new one of the same name, or a write of ours made it match the selector again.
    if (!old || compareResourceVersions(old.metadata.resourceVersion, version) > 0) return;
    this.#remove(key, old, old.metadata.uid === uid ? object : old);
  }

  #put(key: Key, object: T, old: T | undefined): void {
    this.#objects.set(key, object);
    this.#list = undefined;
    for (const index of this.#indexes.values()) {
      const values = index.of(object);
      if (old) for (const value of index.of(old)) if (!values.includes(value)) drop(index.buckets, value, key);
      for (const value of values) {
        const bucket = index.buckets.get(value);
        if (bucket) bucket.set(key, object);
        else index.buckets.set(value, new Map([[key, object]]));
      }
    }
  }

  #remove(key: Key, old: T, last: T = old): void {
    this.#objects.delete(key);
    this.#list = undefined;
    for (const index of this.#indexes.values()) {
      for (const value of index.of(old)) drop(index.buckets, value, key);
    }
    this.#emit({ type: 'deleted', key, object: last, old });
  }
}

function drop<T>(buckets: Map<string, Map<Key, T>>, value: string, key: Key): void {
  const bucket = buckets.get(value);
  bucket?.delete(key);
  if (bucket?.size === 0) buckets.delete(value);
}
