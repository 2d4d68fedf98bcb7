import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  CLUSTER_NEEDS_ANNOTATION,
  type Condition,
  type Container,
  type ContainerStatus,
  DELETE_AT_ONCE_ANNOTATION,
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  isReady,
  isTerminating,
  LAST_POD_STATUS_ANNOTATION,
  type Pod,
  type PodStatus,
  RULE_DETAIL_ANNOTATION_PREFIX,
} from '@kuperator/api';
import { holdingReason, holdingState, isHolding, PROGRESSING } from '@kuperator/holders';
import { DISRUPTION } from '../leaving/cluster-needs.ts';

const ANNOTATIONS: readonly string[] = [
  AVAILABLE_CONDITIONS_ANNOTATION,
  CLUSTER_NEEDS_ANNOTATION,
  DELETE_AT_ONCE_ANNOTATION,
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
];

/** The part of a Pod that the coordinator keeps in memory: a cluster has thousands of Pods, and little of each is needed. */
export function trimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels, finalizers } = pod.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  const annotations = trimAnnotations(pod.metadata.annotations ?? {});
  const isAwaited = !isReady(pod) || isTerminating(pod);
  const keeps = isHolding(pod);
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels && { labels }),
      ...(finalizers && { finalizers }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: {
      // A report about a container that does not run names its image.
      containers: isAwaited ? pod.spec.containers.map(named) : [],
      ...(isAwaited && pod.spec.initContainers && { initContainers: pod.spec.initContainers.map(named) }),
      ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
      readinessGates: pod.spec.readinessGates ?? [],
    },
    status: {
      ...(pod.status?.phase !== undefined && { phase: pod.status.phase }),
      conditions: (pod.status?.conditions ?? [])
        .filter(({ type }) => type === PROGRESSING || type === DISRUPTION || keeps(type))
        .map((condition) => ({
          type: condition.type,
          status: condition.status,
          ...(condition.lastTransitionTime !== undefined && { lastTransitionTime: condition.lastTransitionTime }),
          ...wordsKept(condition),
        })),
      ...(isAwaited && statusesOf(pod)),
    },
  };
}

function wordsKept(condition: Condition): Partial<Condition> {
  if (condition.type === PROGRESSING) return wordsOf(condition);
  if (condition.type === DISRUPTION) return condition.reason === undefined ? {} : { reason: condition.reason };
  return holdingReason(condition);
}

/** The text of the condition, which is compared with what it should be. */
function wordsOf({ reason, message }: Condition): Partial<Condition> {
  return { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
}

function named({ name, image }: Container): Container {
  return { name, ...(image !== undefined && { image }) };
}

/** Why containers do not run; kept for Pods that an operation may wait for. */
function statusesOf({ status }: Pod): Pick<PodStatus, 'containerStatuses' | 'initContainerStatuses'> {
  const trimmed = (each: ContainerStatus): ContainerStatus => {
    const { name, image, ready, restartCount } = each;
    return { name, image, imageID: '', ready, restartCount, ...holdingState(each) };
  };
  return {
    ...(status?.containerStatuses && { containerStatuses: status.containerStatuses.map(trimmed) }),
    ...(status?.initContainerStatuses && { initContainerStatuses: status.initContainerStatuses.map(trimmed) }),
  };
}

function trimAnnotations(annotations: Readonly<Record<string, string>>): [string, string][] {
  const isUsed = (key: string) => ANNOTATIONS.includes(key) || key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX);
  const used = Object.entries(annotations).filter(([key]) => isUsed(key));
  // Of an update in place only the fact that there is one is kept.
  return LAST_POD_STATUS_ANNOTATION in annotations ? [...used, [LAST_POD_STATUS_ANNOTATION, '']] : used;
}
