// Removes the fields that no decision reads, because the caches hold every Pod of every set.
import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  COLLA_SETS,
  type Container,
  type ContainerStatus,
  type ControllerRevision,
  controllerOf,
  isReady,
  isTerminal,
  isTerminating,
  type KubeObject,
  LAST_POD_STATUS_ANNOTATION,
  type PersistentVolumeClaim,
  type Pod,
  type PodSpec,
  type PodStatus,
  RETAINED_BY_ANNOTATION,
  RULE_DETAIL_ANNOTATION_PREFIX,
  SERVICE_READY_GATE,
} from '@kuperator/api';
import { holdingReason, holdingState, isHolding, PROGRESSING } from '@kuperator/holders';
import { isChangedInPlace } from './plan/in-place-record.ts';
import { REFUSED_UPDATE_ANNOTATION } from './plan/refusal.ts';
import { REPLACE_BY_UPDATE_ANNOTATION } from './plan/replace.ts';
import { isSidecar } from './plan/resources.ts';

export function trimPod(pod: Pod): Pod {
  const { containers, initContainers, volumes, readinessGates, nodeName, terminationGracePeriodSeconds } = pod.spec;
  // Resources are needed only while a change is running.
  const isChanged = isChangedInPlace(pod);
  const spec: PodSpec = { containers: containers.map((container) => trimContainer(container, isChanged)) };
  // Completed init containers are not needed, so drop all but sidecars once the Pod is ready.
  const isAwaited = !isReady(pod) || isTerminating(pod);
  const inits = initContainers?.filter((container) => isAwaited || isSidecar(container)) ?? [];
  if (inits.length > 0) spec.initContainers = inits.map((container) => trimContainer(container, isChanged));
  const claims = volumes?.filter((volume) => volume.persistentVolumeClaim);
  if (claims?.length) spec.volumes = claims;
  if (readinessGates) spec.readinessGates = readinessGates;
  if (nodeName !== undefined) spec.nodeName = nodeName;
  if (isChanged && terminationGracePeriodSeconds !== undefined) {
    spec.terminationGracePeriodSeconds = terminationGracePeriodSeconds;
  }
  const { phase, conditions, containerStatuses, initContainerStatuses, observedGeneration } = pod.status ?? {};
  const status: PodStatus = {};
  if (phase) status.phase = phase;
  if (observedGeneration !== undefined) status.observedGeneration = observedGeneration;
  if (conditions) {
    const keeps = isHolding(pod);
    status.conditions = conditions
      .filter(({ type }) => keeps(type) || type === SERVICE_READY_GATE || type === PROGRESSING)
      .map((condition) => ({
        type: condition.type,
        status: condition.status,
        ...(condition.lastTransitionTime ? { lastTransitionTime: condition.lastTransitionTime } : {}),
        ...(condition.type === PROGRESSING ? { message: condition.message ?? '' } : holdingReason(condition)),
      }));
  }
  if (isTerminal(pod)) {
    const { reason, message } = pod.status ?? {};
    if (reason !== undefined) status.reason = reason;
    if (message !== undefined) status.message = message;
  }
  if (containerStatuses)
    status.containerStatuses = containerStatuses.map((item) => trimStatus(item, isChanged, isAwaited));
  if (initContainerStatuses && inits.length > 0) {
    const names = new Set(inits.map(({ name }) => name));
    const running = initContainerStatuses.filter(({ name }) => names.has(name));
    status.initContainerStatuses = running.map((item) => trimStatus(item, isChanged, isAwaited));
  }
  return { ...withAnnotations(pod, isReadOfPod), spec, status };
}

const POD_ANNOTATIONS: ReadonlySet<string> = new Set([
  AVAILABLE_CONDITIONS_ANNOTATION,
  LAST_POD_STATUS_ANNOTATION,
  REFUSED_UPDATE_ANNOTATION,
  REPLACE_BY_UPDATE_ANNOTATION,
]);

function isReadOfPod(key: string): boolean {
  return POD_ANNOTATIONS.has(key) || key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX);
}

/**
 * Drops the annotations that are not read, because an object may have up to 256 KiB of them. Every write of this controller is a patch, so the
 * dropped annotations stay on the stored object.
 */
function withAnnotations<T extends KubeObject>(object: T, isRead: (key: string) => boolean): T {
  const { annotations, ...metadata } = object.metadata;
  if (!annotations) return object;
  const read = Object.entries(annotations).filter(([key]) => isRead(key));
  return { ...object, metadata: { ...metadata, annotations: Object.fromEntries(read) } };
}

export function trimClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim {
  return withAnnotations(claim, (key) => key === RETAINED_BY_ANNOTATION);
}

function trimContainer({ name, image, restartPolicy, resources }: Container, isChanged: boolean): Container {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    ...(isChanged && resources ? { resources } : {}),
  };
}

function trimStatus(status: ContainerStatus, isChanged: boolean, isAwaited: boolean): ContainerStatus {
  const { name, image, imageID, containerID, ready, restartCount, resources, state } = status;
  return {
    name,
    image,
    imageID,
    ...(containerID === undefined ? {} : { containerID }),
    ready,
    restartCount,
    ...(state ? { state: trimState(state) } : {}),
    ...(isChanged && resources ? { resources } : {}),
    ...(isAwaited || !ready ? holdingState(status) : {}),
  };
}

/** Keeps the kind of the state, its reason and its message. */
function trimState(state: Record<string, unknown>): Record<string, unknown> {
  const trimmed = Object.entries(state).map(([kind, detail]) => {
    const { reason, message } = (detail ?? {}) as { reason?: string; message?: string };
    return [kind, { ...(reason ? { reason } : {}), ...(message ? { message } : {}) }];
  });
  return Object.fromEntries(trimmed);
}

/** Drops the data of revisions that belong to other controllers, such as StatefulSets and DaemonSets. */
export function trimRevision(revision: ControllerRevision): ControllerRevision {
  return controllerOf(revision)?.kind === COLLA_SETS.kind ? revision : { ...revision, data: undefined };
}
