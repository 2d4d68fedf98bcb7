import type { Key } from '@kuperator/api';
import { Informer, type InformerOptions } from '@kuperator/runtime';
import type { ReplicaOwner } from './owners.ts';

/**
 * A cache of ReplicaSets or StatefulSets that starts its watch at the first lookup: most clusters have many of them, and
 * most rules select none of their Pods.
 */
export class OwnerCache {
  readonly #make: () => Informer<ReplicaOwner>;
  readonly #resource: { readonly plural: string };
  readonly #onChange: (owner: ReplicaOwner) => void;
  readonly #onRead: () => void;
  readonly #onFailure: (error: unknown) => void;
  #informer: Informer<ReplicaOwner> | undefined;

  constructor(options: {
    informer: InformerOptions<ReplicaOwner>;
    /** Called when an owner was created or deleted, or its number of replicas has changed. */
    onChange: (owner: ReplicaOwner) => void;
    /** Called once all owners are in the cache. */
    onRead: () => void;
    /** Called if the owners cannot be read. Their Pods then wait. */
    onFailure: (error: unknown) => void;
  }) {
    this.#make = () => new Informer(options.informer);
    this.#resource = options.informer.resource;
    this.#onChange = options.onChange;
    this.#onRead = options.onRead;
    this.#onFailure = options.onFailure;
  }

  get(key: Key): ReplicaOwner | 'unread' | undefined {
    this.#informer ??= this.#start();
    return this.#informer.hasSynced() ? this.#informer.get(key) : 'unread';
  }

  get resource(): { readonly plural: string } {
    return this.#resource;
  }

  /** A cache that was never read is current: no verdict depends on it. */
  isCurrent(namespace?: string): boolean {
    return this.#informer?.isCurrent(namespace) ?? true;
  }

  async confirm(namespace?: string): Promise<boolean> {
    return this.#informer?.confirm(namespace) ?? true;
  }

  async stop(): Promise<void> {
    await this.#informer?.stop();
  }

  #start(): Informer<ReplicaOwner> {
    const informer = this.#make();
    informer.onChange(({ type, object, old }) => {
      if (!informer.hasSynced()) return;
      if (type !== 'updated' || !old || old.spec?.replicas !== object.spec?.replicas) this.#onChange(object);
    });
    informer.start();
    informer.waitForSync().then(this.#onRead, this.#onFailure);
    return informer;
  }
}
