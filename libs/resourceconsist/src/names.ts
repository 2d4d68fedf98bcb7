import { createHash } from 'node:crypto';
import { type Key, own, PROTECTION_FINALIZER_PREFIX } from '@kuperator/api';

/**
 * The finalizer that means "the Pod has traffic of this employer". As in the Go implementation, it is made only from the employer's name, so
 * employers of two kinds with the same name share it (see {@link sharersOf}).
 */
export function lifecycleFinalizerFor(employerName: string): string {
  const known = finalizers.get(employerName);
  if (known) return known;
  const finalizer = `${PROTECTION_FINALIZER_PREFIX}/${createHash('md5').update(employerName).digest('hex').slice(8, 24)}`;
  // This is called for every Pod event. Without the memo, hashing would be most of the work for an event.
  if (finalizers.size >= 50_000) finalizers.clear();
  finalizers.set(employerName, finalizer);
  return finalizer;
}

const finalizers = new Map<string, string>();

/** Key of an employer in a Pod's expected finalizers: `Service/default/nginx`. */
export function expectedKeyFor(kind: string, employer: Key): string {
  return `${kind}/${employer}`;
}

/** The employer that an expected-finalizer key of `kind` names; undefined for a key of another kind or form. */
export function employerOfExpectedKey(kind: string, expectedKey: string): Key | undefined {
  const [keyKind, namespace, name, ...rest] = expectedKey.split('/');
  if (keyKind !== kind || !namespace || !name || rest.length > 0) return undefined;
  return `${namespace}/${name}`;
}

/** Other employers, of another kind but the same name, that expect the same `finalizer` on a Pod. It cannot show the traffic of both. */
export function sharersOf(
  finalizer: string,
  expectedKey: string,
  expected: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.keys(expected).filter((key) => key !== expectedKey && own(expected, key) === finalizer);
}
