import { isTerminating, type Key, type KubeObject, keyOf, type Resource } from '@kuperator/api';
import type { DeleteOptions, KubeClient } from '../client/client.ts';
import { NotFoundError } from '../client/errors.ts';

/**
 * What a write requires of the object. `version`: that no client has changed it since it was read, which is right for every decision that
 * depends on its state. `uid`: only that it is still the same object.
 */
export type Precondition = 'version' | 'uid';

/** A change of one object. The writer adds the preconditions to `body.metadata`. */
export type ObjectChange = {
  /** Default `merge`. */
  readonly type?: 'merge' | 'strategic';
  readonly body: { readonly metadata?: object; readonly [field: string]: unknown };
  readonly subresource?: string;
  /** Default `version`. */
  readonly precondition?: Precondition;
  /** The API server checks the change and stores nothing; the cache does not see it either. */
  readonly dryRun?: boolean;
};

/** Default `version`. */
export type ObjectDeletion = Pick<DeleteOptions, 'gracePeriodSeconds' | 'propagationPolicy'> & {
  readonly precondition?: Precondition;
};

/** Writes objects of one kind that were read from a cache, and puts the results into the cache. */
export type ObjectWriter<T extends KubeObject> = {
  /**
   * Patches `object` as it was read.
   * @returns the object as it was written; undefined if it no longer exists. The cache then no longer contains it.
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
 * Use this to write an object that a reconcile read from its cache. The write requires the version from which it was decided. A missing object
 * is a result and not an error. The cache shows the outcome before the watch does, so that the next reconcile does not repeat the write.
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
    async patch(object, { type = 'merge', body, subresource, precondition, dryRun = false }) {
      const { namespace, name = '', uid = '' } = object.metadata;
      const metadata = { ...preconditions(object, precondition), ...body.metadata };
      const options = { ...(subresource ? { subresource } : {}), ...(dryRun ? { dryRun } : {}) };
      try {
        const written = await client.patch(
          resource,
          { namespace, name },
          { type, body: { ...body, metadata } },
          options,
        );
        if (!dryRun) cache.observe(written);
        return written;
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
        cache.observeGone(keyOf(object), uid);
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

function preconditions(
  { metadata: { uid, resourceVersion } }: KubeObject,
  precondition: Precondition = 'version',
): { uid?: string; resourceVersion?: string } {
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined || precondition === 'uid' ? {} : { resourceVersion }),
  };
}
