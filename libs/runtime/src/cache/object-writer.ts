import { isTerminating, type Key, type KubeObject, keyOf, type Resource } from '@kuperator/api';
import type { DeleteOptions, KubeClient, Patch } from '../client/client.ts';
import { NotFoundError } from '../client/errors.ts';

/**
 * What a write requires of the object. `version`: that nobody has changed it since it was read, which is right for every decision that
 * depends on its state. `uid`: only that it is still the same object.
 */
export type Precondition = 'version' | 'uid';

/** A change of one object. */
export type ObjectChange = (MergeChange | JsonChange) & {
  readonly subresource?: string;
  /** The API server checks the change and stores nothing; the cache does not see it either. */
  readonly dryRun?: boolean;
  /**
   * If true, the cache keeps an object that the API server does not find. While the definition of a custom resource is replaced, the API
   * server finds none of its objects, although they still exist.
   */
  readonly keepsMissing?: boolean;
};

/** The writer adds the preconditions to `body.metadata`. */
type MergeChange = {
  /** Default `merge`. */
  readonly type?: 'merge' | 'strategic';
  readonly body: { readonly metadata?: object; readonly [field: string]: unknown };
  /** Default `version`. */
  readonly precondition?: Precondition;
};

/** A JSON Patch. It states its own preconditions as `test` operations, for a change that depends on one field only. */
type JsonChange = { readonly type: 'json'; readonly body: readonly object[]; readonly precondition?: never };

/** Default `version`. */
export type ObjectDeletion = Pick<DeleteOptions, 'gracePeriodSeconds' | 'propagationPolicy'> & {
  readonly precondition?: Precondition;
};

/** Writes objects of one kind that were read from a cache, and shows the cache what became of them. */
export type ObjectWriter<T extends KubeObject> = {
  /**
   * Patches `object` as it was read.
   * @returns the object as it was written; undefined if it no longer exists. The cache then no longer contains it, unless `keepsMissing` says so
   * @throws ConflictError when the object has changed, or another object has taken its name
   */
  patch(object: T, change: ObjectChange): Promise<T | undefined>;
  /**
   * Deletes `object` as it was read. It is no error if it no longer exists.
   * @throws ConflictError when the object has changed, or another object has taken its name
   */
  delete(object: T, deletion?: ObjectDeletion): Promise<void>;
};

/**
 * The one way to write an object that a reconcile read from its cache: the write states what it was decided from, an object that is gone is
 * a result and not an error, and the cache shows the outcome before the watch does, so that the next reconcile does not repeat the write.
 * @param cache where the objects were read
 */
export function objectWriter<T extends KubeObject>({
  client,
  resource,
  cache,
}: {
  readonly client: Pick<KubeClient, 'patch' | 'delete'>;
  readonly resource: Resource<T>;
  readonly cache: { observe(object: T): void; observeGone(key: Key, uid: string): void };
}): ObjectWriter<T> {
  return {
    async patch(object, change) {
      const { namespace, name = '', uid = '' } = object.metadata;
      const { subresource, dryRun = false, keepsMissing = false } = change;
      try {
        const patch: Patch = { ...patchFor(object, change), subresource, dryRun };
        const written = await client.patch(resource, { namespace, name }, patch);
        if (!dryRun) cache.observe(written);
        return written;
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
        if (!keepsMissing) cache.observeGone(keyOf(object), uid);
        return undefined;
      }
    },
    async delete(object, { precondition, ...options } = {}) {
      const { namespace, name = '', uid = '' } = object.metadata;
      const answer = await client.delete(
        resource,
        { namespace, name },
        { ...options, ...preconditions(object, precondition) },
      );
      // Finalizers and the grace period keep an object after its deletion.
      if (answer && isTerminating(answer)) cache.observe(answer);
      else cache.observeGone(keyOf(object), uid);
    },
  };
}

function patchFor(object: KubeObject, change: MergeChange | JsonChange): Patch {
  if (change.type === 'json') return { type: 'json', body: change.body };
  const { type = 'merge', body, precondition } = change;
  return { type, body: { ...body, metadata: { ...preconditions(object, precondition), ...body.metadata } } };
}

function preconditions(
  { metadata: { uid, resourceVersion } }: KubeObject,
  precondition: Precondition = 'version',
): { uid?: string; resourceVersion?: string } {
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined || precondition === 'uid' ? {} : { resourceVersion }),
  };
}
