import type { KubeObject } from '@kuperator/api';

/** A copy of the whole object, as `kubectl apply` received it. */
const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Returns a function that removes from an object `managedFields`, the copy that `kubectl apply` keeps in an annotation, and
 * whatever `trim` removes.
 */
export function trimmer<T extends KubeObject>(trim: (object: T) => T = (object) => object): (object: T) => T {
  return (object) => {
    const { managedFields, ...metadata } = object.metadata;
    const isApplied = metadata.annotations?.[LAST_APPLIED_ANNOTATION] !== undefined;
    if (managedFields === undefined && !isApplied) return trim(object);
    if (isApplied) {
      const { [LAST_APPLIED_ANNOTATION]: _, ...annotations } = metadata.annotations ?? {};
      metadata.annotations = annotations;
    }
    return trim({ ...object, metadata });
  };
}
