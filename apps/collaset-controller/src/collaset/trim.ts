// Caches hold every Pod of every set: only what a decision reads is kept.
import {
  COLLA_SETS,
  type Container,
  type ContainerStatus,
  type ControllerRevision,
  controllerOf,
  isTerminal,
  type Pod,
  type PodSpec,
  type PodStatus,
} from '@kuperator/api';
import { isChangedInPlace } from './in-place-record.ts';
import { isSidecar } from './resources.ts';

const CONDITIONS = new Set(['Ready', 'PodScheduled', 'pod.kusionstack.io/service-ready']);
const RESIZE_CONDITIONS = new Set(['PodResizePending', 'PodResizeInProgress']);

export function trimPod(pod: Pod): Pod {
  const { containers, initContainers, volumes, readinessGates, nodeName, terminationGracePeriodSeconds } = pod.spec;
  // Resources are asked for only while a change is under way.
  const isChanged = isChangedInPlace(pod);
  const spec: PodSpec = { containers: containers.map((container) => trimContainer(container, isChanged)) };
  const sidecars = initContainers?.filter(isSidecar) ?? [];
  if (sidecars.length > 0) spec.initContainers = sidecars.map((container) => trimContainer(container, isChanged));
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
    status.conditions = conditions
      .filter(({ type }) => CONDITIONS.has(type) || RESIZE_CONDITIONS.has(type))
      .map(({ type, status, lastTransitionTime, reason, message }) => ({
        type,
        status,
        ...(lastTransitionTime ? { lastTransitionTime } : {}),
        ...(RESIZE_CONDITIONS.has(type) && reason ? { reason } : {}),
        ...(RESIZE_CONDITIONS.has(type) && message ? { message } : {}),
      }));
  }
  if (isTerminal(pod)) {
    const { reason, message } = pod.status ?? {};
    if (reason !== undefined) status.reason = reason;
    if (message !== undefined) status.message = message;
  }
  if (containerStatuses) status.containerStatuses = containerStatuses.map((item) => trimStatus(item, isChanged));
  if (initContainerStatuses && sidecars.length > 0) {
    const names = new Set(sidecars.map(({ name }) => name));
    const running = initContainerStatuses.filter(({ name }) => names.has(name));
    status.initContainerStatuses = running.map((item) => trimStatus(item, isChanged));
  }
  return { ...pod, spec, status };
}

function trimContainer({ name, image, restartPolicy, resources }: Container, isChanged: boolean): Container {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    ...(isChanged && resources ? { resources } : {}),
  };
}

function trimStatus(status: ContainerStatus, isChanged: boolean): ContainerStatus {
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
  };
}

/** Which state, and why: not since when, nor by which container. */
function trimState(state: Record<string, unknown>): Record<string, unknown> {
  const trimmed = Object.entries(state).map(([kind, detail]) => {
    const { reason, message } = (detail ?? {}) as { reason?: string; message?: string };
    return [kind, { ...(reason ? { reason } : {}), ...(message ? { message } : {}) }];
  });
  return Object.fromEntries(trimmed);
}

/** Revisions of other controllers (StatefulSets, DaemonSets) are seen too, and of no use. */
export function trimRevision(revision: ControllerRevision): ControllerRevision {
  return controllerOf(revision)?.kind === COLLA_SETS.kind ? revision : { ...revision, data: undefined };
}
