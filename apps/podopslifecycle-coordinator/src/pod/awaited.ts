// Adapters announce themselves on a Pod shortly after it is made, and the Pod could be given to service, and be changed, before
// they have. A Service that an adapter guards says so; until the adapter is on the Pod as well, it is awaited.

import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  EMPLOYER_ADAPTER_ANNOTATION,
  hasLabels,
  isTerminating,
  type Pod,
  type Service,
} from '@kuperator/api';
import { expectedFinalizersOf, withExpectedFinalizer } from '@kuperator/lifecycle';

/** Stands for the finalizer an awaited adapter will expect; on no Pod, so that nothing is taken for guarded meanwhile. */
const AWAITED = 'prot.podopslifecycle.kusionstack.io/awaited';

/** The Pod as if every adapter that guards a Service of it had announced itself. @param services at least those that select it */
export function expectingAdapters(pod: Pod, services: readonly Service[]): Pod {
  const announced = expectedFinalizersOf(pod);
  // Malformed: nobody knows what is expected, and the lifecycle says so by itself.
  if (!announced) return pod;
  return services
    .filter((service) => isGuarded(service) && selects(service, pod))
    .map(({ metadata }) => `Service/${metadata.namespace}/${metadata.name}`)
    .filter((key) => !Object.hasOwn(announced, key))
    .reduce((seen, key) => annotated(seen, withExpectedFinalizer(seen, key, AWAITED)), pod);
}

/** Employers, as `Service/<namespace>/<name>`, whose adapters are awaited on a Pod of `expectingAdapters`. */
export function awaitedOn(pod: Pod): readonly string[] {
  return Object.entries(expectedFinalizersOf(pod) ?? {})
    .filter(([, finalizer]) => finalizer === AWAITED)
    .map(([employer]) => employer);
}

/** Whether the Service sends the Pod traffic. */
export function selects({ spec }: Service, { metadata }: Pod): boolean {
  return hasLabels(spec.selector, metadata.labels);
}

function isGuarded(service: Service): boolean {
  return service.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION] !== undefined && !isTerminating(service);
}

function annotated(pod: Pod, conditions: string): Pod {
  const annotations = { ...pod.metadata.annotations, [AVAILABLE_CONDITIONS_ANNOTATION]: conditions };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}
