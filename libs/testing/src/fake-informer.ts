import { type Key, type KubeObject, keyOf } from '@kuperator/api';
import { type Change, compileLabelSelector, Informer, type InformerOptions, ObjectCache } from '@kuperator/runtime';
import type { ObjectStore, StoreEvent } from './object-store.ts';
import { asSeenBy } from './watch-feed.ts';

/**
 * An informer that follows the in-memory cluster synchronously: its cache shows a write as soon as the write is done. `pause` makes it
 * stale, as a real informer can be.
 */
export class FakeInformer<T extends KubeObject> extends Informer<T> {
  readonly #cache: ObjectCache<T>;
  readonly #matches: (object: KubeObject) => boolean;
  readonly #trim: (object: T) => T;
  readonly #namespace: string | undefined;
  readonly #followers = new Set<(change: Change<T>) => void>();
  #held: StoreEvent[] | undefined;
  #isCurrent = true;

  constructor(store: ObjectStore, options: InformerOptions<T>) {
    super(options);
    const { resource, namespace, labelSelector, indexes, trim = (object) => object } = options;
    const labels = compileLabelSelector(labelSelector);
    this.#namespace = namespace;
    this.#trim = trim;
    this.#matches = (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) && labels(object.metadata.labels);
    this.#cache = new ObjectCache<T>({
      emit: (change) => {
        for (const follower of this.#followers) follower(change);
      },
      ...(indexes ? { indexes } : {}),
    });
    this.#cache.replace(
      store
        .list(resource)
        .filter(this.#matches)
        .map((object) => trim(object as T)),
      String(store.version),
    );
    store.onEvent((event) => {
      if (this.#held) this.#held.push(event);
      else this.#deliver(event);
    });
  }

  /** Holds back all further events, so that the cache becomes stale. */
  pause(): void {
    this.#held ??= [];
  }

  /** Delivers the events that were held back, and follows again. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#deliver(event);
  }

  /** Sets whether the informer reports its cache as current, whatever it contains. */
  setCurrent(isCurrent: boolean): void {
    this.#isCurrent = isCurrent;
  }

  override isCurrent(): boolean {
    return this.#isCurrent;
  }

  override async confirm(): Promise<boolean> {
    return this.#isCurrent;
  }

  override problem(): string | undefined {
    return undefined;
  }

  override start(): void {}

  override async stop(): Promise<void> {}

  override async waitForSync(): Promise<void> {}

  override hasSynced(): boolean {
    return true;
  }

  override get(key: Key): T | undefined {
    return this.#cache.get(key);
  }

  override list(): readonly T[] {
    return this.#cache.list();
  }

  override byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  override keys(): readonly Key[] {
    return this.#cache.keys();
  }

  override resourceVersion(): bigint {
    return BigInt(this.#cache.version || '0');
  }

  override onChange(handler: (change: Change<T>) => void): () => void {
    this.#followers.add(handler);
    return () => this.#followers.delete(handler);
  }

  override observe(object: T): void {
    const known = this.#cache.get(keyOf(object)) !== undefined;
    if (this.#namespace !== undefined && object.metadata.namespace !== this.#namespace) return;
    if (known || this.#matches(object)) this.#cache.observe(this.#trim(object));
  }

  override observeGone(key: Key, uid: string): void {
    this.#cache.observeGone(key, uid);
  }

  #deliver(event: StoreEvent): void {
    const { plural, group } = this.resource;
    const ours = event.resource.plural === plural && event.resource.group === group;
    const line = ours ? asSeenBy(this.#matches, event) : undefined;
    if (line) this.#cache.apply(line.type, this.#trim(line.object as T));
    this.#cache.advance(String(event.version));
  }
}
