import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  DELETE_AT_ONCE_ANNOTATION,
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  type Pod,
  RULE_DETAIL_ANNOTATION_PREFIX,
  SERVICE_READY_GATE,
} from '@kuperator/api';
import { PROGRESSING } from './explain.ts';

const ANNOTATIONS: readonly string[] = [
  AVAILABLE_CONDITIONS_ANNOTATION,
  DELETE_AT_ONCE_ANNOTATION,
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
];

/** The part of a Pod the coordinator keeps in memory: a cluster has thousands, and needs little of each. */
export function trimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels, finalizers, deletionTimestamp } = pod.metadata;
  const annotations = trimAnnotations(pod.metadata.annotations ?? {});
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels && { labels }),
      ...(finalizers && { finalizers }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: {
      containers: [],
      ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
      readinessGates: (pod.spec.readinessGates ?? []).filter((gate) => gate.conditionType === SERVICE_READY_GATE),
    },
    status: {
      ...(pod.status?.phase !== undefined && { phase: pod.status.phase }),
      conditions: (pod.status?.conditions ?? [])
        .filter(({ type }) => type === 'Ready' || type === SERVICE_READY_GATE || type === PROGRESSING)
        .map(({ type, status, lastTransitionTime, reason, message }) => ({
          type,
          status,
          ...(lastTransitionTime !== undefined && { lastTransitionTime }),
          // Compared with what it should say; of the others only the status matters.
          ...(type === PROGRESSING && reason !== undefined && { reason }),
          ...(type === PROGRESSING && message !== undefined && { message }),
        })),
    },
  };
}

function trimAnnotations(annotations: Readonly<Record<string, string>>): [string, string][] {
  const isUsed = (key: string) => ANNOTATIONS.includes(key) || key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX);
  return Object.entries(annotations).filter(([key]) => isUsed(key));
}
