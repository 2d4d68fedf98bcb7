// What an in-place change touched, kept on the Pod while it is under way: by this its end is seen, after a restart too.
import { type ContainerStatus, conditionOf, LAST_POD_STATUS_ANNOTATION, type Pod } from '@kuperator/api';
import { includes, type Resize, type Resources, runningContainers } from './resources.ts';

type ContainerState = {
  latestImage: string;
  lastImageID?: string;
  lastContainerID?: string;
  /** Missing in records of the Go implementation. */
  changed?: boolean;
};
/** Our own fields ride along unknown to the Go implementation. */
type LastPodStatus = {
  containerStates?: Record<string, ContainerState>;
  resize?: Record<string, Resources>;
};

/**
 * The record of a change about to be written.
 * @param images those that change, by container name
 */
export function recordFor(pod: Pod, images: ReadonlyMap<string, string>, resizes: readonly Resize[]): LastPodStatus {
  const resize = Object.fromEntries(resizes.map(({ name, resources }) => [name, resources]));
  return {
    ...(images.size > 0 ? { containerStates: statesFor(pod, images) } : {}),
    ...(resizes.length > 0 ? { resize } : {}),
  };
}

function statesFor(pod: Pod, images: ReadonlyMap<string, string>): Record<string, ContainerState> {
  const statuses = statusesOf(pod);
  const states: Record<string, ContainerState> = {};
  for (const { name, image } of runningContainers(pod.spec)) {
    const latestImage = images.get(name) ?? image ?? '';
    const changed = latestImage !== image;
    const status = statuses.get(name);
    states[name] = {
      latestImage,
      ...(changed && status?.imageID ? { lastImageID: status.imageID } : {}),
      ...(changed && status?.containerID ? { lastContainerID: status.containerID } : {}),
      changed,
    };
  }
  return states;
}

/** True when an in-place change was written to the Pod and is not finished: its record is there. */
export function isChangedInPlace(pod: Pod): boolean {
  return pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
}

/** Names of the containers that the change under way resizes. */
export function resizedContainers(pod: Pod): readonly string[] {
  return Object.keys(recordOf(pod)?.resize ?? {});
}

/** Resizes the change under way calls for that the Pod's spec does not show yet: they are a write of their own. */
export function missingResizes(pod: Pod): readonly Resize[] {
  const wanted = recordOf(pod)?.resize ?? {};
  return runningContainers(pod.spec).flatMap(({ name, resources }) => {
    const target = wanted[name];
    return target && !includes(resources, target) ? [{ name, resources: target }] : [];
  });
}

/** Why the kubelet will not resize the Pod where it is; undefined while it may. */
export function infeasibleReason(pod: Pod): string | undefined {
  const pending = conditionOf(pod, 'PodResizePending');
  if (pending?.status !== 'True' || pending.reason !== 'Infeasible' || resizedContainers(pod).length === 0) return;
  return `the node cannot hold it at its new size${pending.message ? `: ${pending.message}` : ''}`;
}

/** Why the in-place change is not finished; undefined when the kubelet has followed in every changed container (T42). */
export function unfinishedReason(pod: Pod): string | undefined {
  const record = recordOf(pod);
  if (!record) return 'has no record of the change';
  const statuses = statusesOf(pod);
  const reported = pod.status?.containerStatuses?.length ?? 0;
  if (reported === 0 || reported < pod.spec.containers.length) return 'has no status of its containers yet';
  for (const { name, image = '', resources } of runningContainers(pod.spec)) {
    const status = statuses.get(name);
    const state = record.containerStates?.[name];
    // An unchanged container, say a sidecar with troubles of its own, holds nothing up.
    if (state && state.changed !== false && state.latestImage === image) {
      const reason = imageHold(pod, name, image, state, status);
      if (reason) return reason;
    }
    const wanted = record.resize?.[name];
    if (!wanted) continue;
    if (!includes(resources, wanted)) return `container ${name} is to be resized`;
    if (!includes(status?.resources, wanted) && !hasReportedSpec(pod)) return `container ${name} is being resized`;
  }
  return record.resize ? resizeHold(pod) : undefined;
}

function imageHold(pod: Pod, name: string, image: string, state: ContainerState, status: ContainerStatus | undefined) {
  if (!status?.imageID) return `container ${name} has not started ${image}`;
  if (state.lastImageID === undefined) return undefined;
  const isMoved = status.imageID !== state.lastImageID;
  // Another tag of the same content keeps the image id: then the new container, or its image as reported, tells.
  const isRestarted = state.lastContainerID !== undefined && isOther(status.containerID, state.lastContainerID);
  if (isMoved || isRestarted || (hasSeenSpec(pod) && sameImage(status.image, image))) return undefined;
  return `container ${name} still runs the image before ${image}`;
}

function resizeHold(pod: Pod): string | undefined {
  for (const type of ['PodResizePending', 'PodResizeInProgress']) {
    const condition = conditionOf(pod, type);
    if (condition?.status !== 'True') continue;
    return `is being resized (${[type, condition.reason, condition.message].filter(Boolean).join(': ')})`;
  }
  return undefined;
}

function statusesOf({ status }: Pod): ReadonlyMap<string, ContainerStatus> {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return new Map(all.map((item) => [item.name, item]));
}

function isOther(id: string | undefined, last: string): boolean {
  return id !== undefined && id !== '' && id !== last;
}

/** False when the kubelet reports that it has not yet seen the present spec: its image may be that of a change since undone. */
function hasSeenSpec(pod: Pod): boolean {
  const observed = pod.status?.observedGeneration;
  return typeof observed !== 'number' || observed >= (pod.metadata.generation ?? 0);
}

/** Amounts the kubelet rounds never show as they were asked for: then its word that it is done with this spec counts. */
function hasReportedSpec(pod: Pod): boolean {
  return typeof pod.status?.observedGeneration === 'number' && hasSeenSpec(pod) && resizeHold(pod) === undefined;
}

/** Equal once `docker.io/library/` and `:latest` are filled in, as container runtimes report images. */
export function sameImage(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && fullImage(a) === fullImage(b);
}

function fullImage(image: string): string {
  const [first = ''] = image.split('/');
  const hasRegistry = image.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const path = hasRegistry ? image : image.includes('/') ? `docker.io/${image}` : `docker.io/library/${image}`;
  return /[:@][^/]*$/.test(path) ? path : `${path}:latest`;
}

function recordOf(pod: Pod): LastPodStatus | undefined {
  const text = pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null ? (record as LastPodStatus) : undefined;
  } catch {
    return undefined;
  }
}
