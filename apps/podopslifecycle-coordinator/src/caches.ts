import { CONTROL_LABEL, EVICTION_REQUESTED_ANNOTATION, POD_TRANSITION_RULES, PODS, SERVICES } from '@kuperator/api';
import { Informer, type OperatorContext, SELECTING, selectingKeys } from '@kuperator/runtime';
import type { Config } from './config.ts';
import { isMarkedToDelete } from './leaving/begin.ts';
import { trimPod } from './pod/trim.ts';

export type Caches = ReturnType<typeof caches>;

/** The caches of this operator: controlled Pods, the rules that select them, and Services whose traffic is guarded. */
export function caches({ client, config, logger, metrics }: OperatorContext<Config>) {
  const namespace = config.watchNamespace;
  const pods = new Informer({
    client,
    resource: PODS,
    namespace,
    labelSelector: `${CONTROL_LABEL}=true`,
    trim: trimPod,
    indexes: {
      namespace: (pod) => [pod.metadata.namespace ?? ''],
      /** Pods that a client wants to evict, by namespace. */
      evicting: (pod) =>
        pod.metadata.annotations?.[EVICTION_REQUESTED_ANNOTATION] === undefined ? [] : [pod.metadata.namespace ?? ''],
      /** Pods that are marked to be deleted, by namespace. */
      marked: (pod) => (isMarkedToDelete(pod) ? [pod.metadata.namespace ?? ''] : []),
    },
    logger,
    metrics,
  });
  const rules = new Informer({
    client,
    resource: POD_TRANSITION_RULES,
    namespace,
    indexes: {
      namespace: (rule) => [rule.metadata.namespace ?? ''],
      [SELECTING]: (rule) => selectingKeys(rule, rule.spec.selector),
    },
    logger,
    metrics,
  });
  const services = new Informer({
    client,
    resource: SERVICES,
    namespace,
    labelSelector: `${CONTROL_LABEL}=true`,
    indexes: { [SELECTING]: (service) => selectingKeys(service, { matchLabels: service.spec.selector ?? {} }) },
    logger,
    metrics,
  });
  return { pods, rules, services };
}
