import { isDeepStrictEqual } from 'node:util';
import { type Key, type KubeObject, keyOf, type Resource, setOwn } from '@kuperator/api';
import { ApiFailure } from './api-failure.ts';

export type StoreEvent = {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  resource: Resource;
  version: number;
  object: KubeObject;
  /** The earlier state, for selectors that no longer match. */
  old?: KubeObject;
};

type Stored = KubeObject & { spec?: { nodeName?: string }; status?: { phase?: string; [field: string]: unknown } };

/**
 * The objects of the in-memory cluster. It follows the rules of the API server for every kind: uids, one growing resourceVersion,
 * generations, a separate status, graceful deletion and finalizers. All objects are frozen, so that code which changes a cached object fails
 * in its test.
 */
export class ObjectStore {
  readonly #collections = new Map<string, { resource: Resource; objects: Map<Key, KubeObject> }>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #now: () => number;
  #version = 1000;
  #uids = 0;
  #history: StoreEvent[] = [];
  #compacted = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A store with the same objects, independent from now on; its history begins now. */
  copy(now: () => number): ObjectStore {
    const store = new ObjectStore(now);
    for (const [id, { resource, objects }] of this.#collections) {
      store.#collections.set(id, { resource, objects: new Map(objects) });
    }
    store.#version = this.#version;
    store.#compacted = this.#version;
    store.#uids = this.#uids;
    return store;
  }

  get version(): number {
    return this.#version;
  }

  /** A watch can no longer start from versions up to this one. */
  get compacted(): number {
    return this.#compacted;
  }

  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
  }

  eventsAfter(version: number): readonly StoreEvent[] {
    return this.#history.filter((event) => event.version > version);
  }

  onEvent(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get(resource: Resource, key: Key): KubeObject | undefined {
    return this.#objects(resource).get(key);
  }

  list(resource: Resource): readonly KubeObject[] {
    return [...this.#objects(resource).values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  create(resource: Resource, given: KubeObject): KubeObject {
    const name =
      given.metadata.name ?? `${given.metadata.generateName ?? ''}${this.#uids.toString(36).padStart(5, '0')}`;
    const key = keyOf({ metadata: { ...given.metadata, name } });
    if (this.get(resource, key))
      throw new ApiFailure(409, 'AlreadyExists', `${resource.plural} "${key}" already exists`);
    this.#uids++;
    const object: Stored = {
      ...given,
      metadata: {
        ...given.metadata,
        name,
        uid: given.metadata.uid ?? `uid-${this.#uids}`,
        generation: given.metadata.generation ?? 1,
        creationTimestamp: given.metadata.creationTimestamp ?? this.timestamp(),
      },
    };
    return this.#store('ADDED', resource, key, plain(object));
  }

  /** Stores a new state of an object, unless it equals the old one. Removes a terminating object when nothing holds it any more. */
  update(resource: Resource, key: Key, given: KubeObject): KubeObject {
    const old = this.get(resource, key);
    if (!old) throw new ApiFailure(404, 'NotFound', `${resource.plural} "${key}" not found`);
    const next = plain(given);
    const specChanged = !isDeepStrictEqual(specOf(next), specOf(old));
    const object = {
      ...next,
      metadata: {
        ...next.metadata,
        ...identityOf(old),
        generation: (old.metadata.generation ?? 1) + (specChanged ? 1 : 0),
      },
    };
    if (isDeepStrictEqual(object, old)) return old;
    if (isReleased(object)) return this.#remove(resource, key, object);
    return this.#store('MODIFIED', resource, key, object, old);
  }

  /** Begins or completes a deletion. Returns the present state of the object and whether it is gone. */
  delete(resource: Resource, key: Key, graceSeconds?: number): { object: KubeObject; gone: boolean } {
    const old: Stored | undefined = this.get(resource, key);
    if (!old) throw new ApiFailure(404, 'NotFound', `${resource.plural} "${key}" not found`);
    const grace = Math.min(graceSecondsOf(resource, old, graceSeconds), old.metadata.deletionGracePeriodSeconds ?? 1e9);
    const object = {
      ...old,
      metadata: {
        ...old.metadata,
        deletionTimestamp: old.metadata.deletionTimestamp ?? this.timestamp(grace * 1000),
        deletionGracePeriodSeconds: grace,
      },
    };
    if (isReleased(object)) return { object: this.#remove(resource, key, object), gone: true };
    if (isDeepStrictEqual(object, old)) return { object: old, gone: false };
    return { object: this.#store('MODIFIED', resource, key, object, old), gone: false };
  }

  /** Removes an object, whatever holds it. */
  remove(resource: Resource, key: Key): void {
    const old = this.get(resource, key);
    if (old) this.#remove(resource, key, old);
  }

  timestamp(offsetMs = 0): string {
    return new Date(this.#now() + offsetMs).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  #objects(resource: Resource): Map<Key, KubeObject> {
    const id = `${resource.group}/${resource.plural}`;
    let collection = this.#collections.get(id);
    if (!collection) {
      collection = { resource, objects: new Map() };
      this.#collections.set(id, collection);
    }
    return collection.objects;
  }

  #store(type: 'ADDED' | 'MODIFIED', resource: Resource, key: Key, given: KubeObject, old?: KubeObject): KubeObject {
    const object = this.#stamped(given);
    this.#objects(resource).set(key, object);
    this.#emit({ type, resource, version: this.#version, object, ...(old ? { old } : {}) });
    return object;
  }

  #remove(resource: Resource, key: Key, last: KubeObject): KubeObject {
    const old = this.get(resource, key);
    const object = this.#stamped(last);
    this.#objects(resource).delete(key);
    this.#emit({ type: 'DELETED', resource, version: this.#version, object, ...(old ? { old } : {}) });
    return object;
  }

  #stamped(given: KubeObject): KubeObject {
    this.#version++;
    const resourceVersion = String(this.#version);
    return deepFreeze({ ...given, metadata: { ...given.metadata, resourceVersion } });
  }

  #emit(event: StoreEvent): void {
    this.#history.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}

/** Pods on a node end gracefully, other objects at once. */
function graceSecondsOf(
  resource: Resource,
  object: Stored & { spec?: { terminationGracePeriodSeconds?: number } },
  asked?: number,
): number {
  const running = object.spec?.nodeName && object.status?.phase !== 'Succeeded' && object.status?.phase !== 'Failed';
  if (resource.kind !== 'Pod' || !running) return 0;
  return asked ?? object.spec?.terminationGracePeriodSeconds ?? 30;
}

function isReleased({ metadata }: KubeObject): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return false;
  return (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/** Metadata fields that no client can change. */
function identityOf({ metadata }: KubeObject): Partial<KubeObject['metadata']> {
  const { name, namespace, uid, creationTimestamp, resourceVersion, deletionTimestamp, deletionGracePeriodSeconds } =
    metadata;
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

function specOf(object: KubeObject): unknown {
  const { metadata: _metadata, status: _status, ...rest } = object as Stored;
  return rest;
}

/** The value as after a round trip through JSON. A frozen value came from here, so it is shared. */
function plain<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) return value.map((item) => plain(item ?? null)) as T;
  const copy: Record<string, unknown> = {};
  for (const [field, item] of Object.entries(value)) if (item !== undefined) setOwn(copy, field, plain(item));
  return copy as T;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
