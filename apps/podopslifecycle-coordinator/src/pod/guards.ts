// Traffic can be on, or on its way, before the adapter that watches it has its finalizer on the Pod: right after it was made, and
// whenever it comes back. Who closes the gate then must not take the missing finalizer for "no traffic".

import { EMPLOYER_ADAPTER_ANNOTATION, type Key, type Pod, type Service } from '@kuperator/api';
import { arrivalMs, type ExpectedFinalizers, expectedFinalizersOf, missingFinalizers } from '@kuperator/lifecycle';

export type Guards = {
  /** By employer, as `Service/<namespace>/<name>`: finalizers its adapter has announced on the Pod and not put on. */
  readonly missing: ExpectedFinalizers;
  /** For how long their traffic may still be on its way, which is then waited for; 0 when it has come to rest. */
  readonly arrivingMs: number;
};

const NONE: Guards = { missing: {}, arrivingMs: 0 };

/**
 * Only of adapters that say on the Service that they guard it: who announced a finalizer by hand may not know that it has to
 * take it off again. The Service need not select the Pod any more: its adapter releases the Pod when traffic is off. Pure.
 */
export function guardsOf(pod: Pod, services: { get(key: Key): Service | undefined }, nowMs: number): Guards {
  // Without a node it has no address, and no traffic can come before this Pod has become another version.
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

/** The employers whose traffic is waited for. */
export function arrivingAt({ missing, arrivingMs }: Guards): readonly string[] {
  return arrivingMs > 0 ? Object.keys(missing) : [];
}
