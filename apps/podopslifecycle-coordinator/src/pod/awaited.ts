// An adapter announces itself on a Pod shortly after the Pod is created. Before that, the Pod could be put into service and changed without the
// adapter. But a Service has an annotation if an adapter guards it. Until that adapter is announced on the Pod as well, it is awaited.

import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  EMPLOYER_ADAPTER_ANNOTATION,
  hasLabels,
  isTerminating,
  type Pod,
  type Service,
} from '@kuperator/api';
import { expectedFinalizersOf, withExpectedFinalizer } from '@kuperator/lifecycle';

/** Stands for the finalizer that an awaited adapter will expect. No Pod has it, so no traffic counts as guarded meanwhile. */
const AWAITED = 'prot.podopslifecycle.kusionstack.io/awaited';

/** The Pod as if every adapter that guards one of its Services had announced itself. @param services at least those that select it */
export function expectingAdapters(pod: Pod, services: readonly Service[]): Pod {
  const announced = expectedFinalizersOf(pod);
  // The annotation is malformed, so it is not known what is expected. The lifecycle reports that itself.
  if (!announced) return pod;
  return services
    .filter((service) => isGuarded(service) && selects(service, pod))
    .map(({ metadata }) => `Service/${metadata.namespace}/${metadata.name}`)
    .filter((key) => !Object.hasOwn(announced, key))
    .reduce((seen, key) => annotated(seen, withExpectedFinalizer(seen, key, AWAITED)), pod);
}

/** The employers, as `Service/<namespace>/<name>`, whose adapters are awaited. @param pod as `expectingAdapters` returned it */
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
