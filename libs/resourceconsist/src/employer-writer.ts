import type { KubeObject } from '@kuperator/api';
import type { Informer, KubeClient } from '@kuperator/runtime';
import type { EmployerKind } from './adapter.ts';

export type EmployerChange = {
  readonly finalizers?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string | null>> | undefined;
};

/** Writes metadata of an employer in one patch. @returns the employer that the API server returned */
export type EmployerWriter<E extends KubeObject> = (employer: E, change: EmployerChange) => Promise<E>;

export function employerWriter<E extends KubeObject>(deps: {
  client: Pick<KubeClient, 'patch'>;
  employers: Pick<Informer<E>, 'observe'>;
  kind: EmployerKind<E>;
}): EmployerWriter<E> {
  const { client, employers, kind } = deps;
  return async function write(employer, { finalizers, annotations }) {
    const { namespace, name = '', resourceVersion } = employer.metadata;
    const body = {
      // Finalizers are written as a whole list. Without the precondition, a new finalizer of another client would be lost.
      metadata: { resourceVersion, ...(finalizers ? { finalizers } : {}), ...(annotations ? { annotations } : {}) },
    };
    const written = await client.patch(kind.resource, { namespace, name }, { type: 'merge', body });
    employers.observe(written);
    return written;
  };
}
