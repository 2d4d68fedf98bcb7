// Caches hold every Pod of every set: only what a decision reads is kept.
import {
  COLLA_SETS,
  type ControllerRevision,
  controllerOf,
  type Pod,
  type PodSpec,
  type PodStatus,
} from '@kuperator/api';

const CONDITIONS = new Set(['Ready', 'PodScheduled', 'pod.kusionstack.io/service-ready']);

export function trimPod(pod: Pod): Pod {
  const { containers, volumes, readinessGates } = pod.spec;
  const spec: PodSpec = {
    containers: containers.map(({ name, image }) => (image === undefined ? { name } : { name, image })),
  };
  const claims = volumes?.filter((volume) => volume.persistentVolumeClaim);
  if (claims?.length) spec.volumes = claims;
  if (readinessGates) spec.readinessGates = readinessGates;
  const { phase, conditions, containerStatuses, observedGeneration } = pod.status ?? {};
  const status: PodStatus = {};
  if (phase) status.phase = phase;
  if (observedGeneration !== undefined) status.observedGeneration = observedGeneration;
  if (conditions) {
    status.conditions = conditions
      .filter(({ type }) => CONDITIONS.has(type))
      .map(({ type, status, lastTransitionTime }) =>
        lastTransitionTime ? { type, status, lastTransitionTime } : { type, status },
      );
  }
  if (containerStatuses) {
    status.containerStatuses = containerStatuses.map(({ name, image, imageID, containerID, ready, restartCount }) =>
      containerID === undefined
        ? { name, image, imageID, ready, restartCount }
        : { name, image, imageID, containerID, ready, restartCount },
    );
  }
  return { ...pod, spec, status };
}

/** Revisions of other controllers (StatefulSets, DaemonSets) are seen too, and of no use. */
export function trimRevision(revision: ControllerRevision): ControllerRevision {
  return controllerOf(revision)?.kind === COLLA_SETS.kind ? revision : { ...revision, data: undefined };
}
