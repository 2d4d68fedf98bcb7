// A Pod can receive traffic before the adapter of that traffic has put its finalizer on the Pod: right after the Pod was created, and whenever
// traffic comes back. When the coordinator closes the gate then, it must not conclude from the missing finalizer that there is no traffic.

import { EMPLOYER_ADAPTER_ANNOTATION, type Key, type Pod, type Service } from '@kuperator/api';
import { arrivalMs, type ExpectedFinalizers, expectedFinalizersOf, missingFinalizers } from '@kuperator/lifecycle';

export type Guards = {
  /** The finalizers that adapters have announced on the Pod but not put on it, by employer as `Service/<namespace>/<name>`. */
  readonly missing: ExpectedFinalizers;
  /** How much longer their traffic may be about to arrive. The operation waits for that time; 0 if no traffic can arrive. */
  readonly arrivingMs: number;
};

const NONE: Guards = { missing: {}, arrivingMs: 0 };

/**
 * The guards of the Pod, only from adapters that have marked their Service: a finalizer that was announced by hand may have no adapter that
 * removes it again. The Service need not select the Pod any more, because its adapter releases the Pod when the traffic is off. Pure.
 */
export function guardsOf(pod: Pod, services: { get(key: Key): Service | undefined }, nowMs: number): Guards {
  // A Pod without a node has no address and no traffic, and it changes before it can get any.
  if (!pod.spec.nodeName) return NONE;
  const expected = missingFinalizers(expectedFinalizersOf(pod), pod.metadata.finalizers ?? []) ?? {};
  const guarded = Object.entries(expected).filter(([employer]) => {
    const [kind, ...key] = employer.split('/');
    const service = kind === 'Service' ? services.get(key.join('/')) : undefined;
    return service?.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION] !== undefined;
  });
  if (guarded.length === 0) return NONE;
  return { missing: Object.fromEntries(guarded), arrivingMs: arrivalMs(pod, nowMs) };
}

/** The employers whose traffic may be about to arrive. */
export function arrivingAt({ missing, arrivingMs }: Guards): readonly string[] {
  return arrivingMs > 0 ? Object.keys(missing) : [];
}
