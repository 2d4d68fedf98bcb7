import { type KubeObject, keyOf } from '@kuperator/api';
import { type Informer, type KubeClient, NotFoundError, objectWriter } from '@kuperator/runtime';
import type { EmployerKind } from './adapter.ts';

export type EmployerChange = {
  readonly finalizers?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string | null>> | undefined;
};

/**
 * Writes metadata of an employer in one patch.
 * @returns the employer that the API server returned
 * @throws NotFoundError if the employer no longer exists; ConflictError if it has changed
 */
export type EmployerWriter<E extends KubeObject> = (employer: E, change: EmployerChange) => Promise<E>;

export function employerWriter<E extends KubeObject>(deps: {
  client: Pick<KubeClient, 'patch' | 'delete'>;
  employers: Pick<Informer<E>, 'observe' | 'observeGone'>;
  kind: EmployerKind<E>;
}): EmployerWriter<E> {
  const { client, employers, kind } = deps;
  const writer = objectWriter({ client, resource: kind.resource, cache: employers });
  return async function write(employer, { finalizers, annotations }) {
    const metadata = { ...(finalizers ? { finalizers } : {}), ...(annotations ? { annotations } : {}) };
    // Employers may be custom resources.
    const written = await writer.patch(employer, { body: { metadata }, keepsMissing: true });
    if (written) return written;
    throw new NotFoundError(`${kind.resource.kind} ${keyOf(employer)} is gone`, { status: 404, reason: 'NotFound' });
  };
}
