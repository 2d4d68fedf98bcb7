import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod, SERVICE_READY_GATE } from '@kuperator/api';

/** The part of a Pod the coordinator keeps in memory: a cluster has thousands, and needs little of each. */
export function trimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels, annotations, finalizers, deletionTimestamp } = pod.metadata;
  const conditions = annotations?.[AVAILABLE_CONDITIONS_ANNOTATION];
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels && { labels }),
      ...(finalizers && { finalizers }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(conditions !== undefined && { annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: conditions } }),
    },
    spec: {
      containers: [],
      readinessGates: (pod.spec.readinessGates ?? []).filter((gate) => gate.conditionType === SERVICE_READY_GATE),
    },
    status: {
      conditions: (pod.status?.conditions ?? [])
        .filter(({ type }) => type === 'Ready' || type === SERVICE_READY_GATE)
        .map(({ type, status, lastTransitionTime }) => ({
          type,
          status,
          ...(lastTransitionTime !== undefined && { lastTransitionTime }),
        })),
    },
  };
}
