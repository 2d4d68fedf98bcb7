// The record of an in-place change. It is an annotation of the Pod, so that a restarted controller can tell when the change is finished.
import { type ContainerStatus, LAST_POD_STATUS_ANNOTATION, own, type Pod, setOwn } from '@kuperator/api';
import { includes, type Resize, type Resources, runningContainers } from './resources.ts';

/** What is known about the container that ran when the change was written. */
export type Before = {
  /** The image in the spec that the container was started from; absent if an earlier change was not finished. */
  readonly image?: string;
  readonly imageID?: string;
  readonly containerID?: string;
  /** Images that earlier, unfinished changes asked for. The kubelet may have started any of them. */
  readonly passed?: readonly string[];
};

export type ContainerState = {
  /** The requested image. The API server may have stored another one, if admission rewrites images. */
  readonly latestImage: string;
  /** Set only for containers whose image changes. The Go implementation compares it to decide that the change is finished. */
  readonly lastImageID?: string;
  /** Set for every container, because admission may change any of them. Records of the Go implementation lack it. */
  readonly before?: Before;
};

/** `containerStates` is the wire format of the Go implementation. Only this controller writes and reads the other fields. */
type LastPodStatus = {
  readonly containerStates?: Readonly<Record<string, ContainerState>>;
  readonly resize?: Readonly<Record<string, Resources>>;
  /** Name of the revision before the change. The Pod returns to it if the change cannot be completed. */
  readonly from?: string;
};

type RecordInput = {
  /** The new images, by container name. */
  readonly images: ReadonlyMap<string, string>;
  readonly resizes: readonly Resize[];
  /** Name of the Pod's revision before the change. */
  readonly from: string | undefined;
  /** True if the earlier change that the Pod records is finished in the container. */
  readonly isEnded: (container: string) => boolean;
};

/** The record of a change that is about to be written. */
export function recordFor(pod: Pod, { images, resizes, from, isEnded }: RecordInput): LastPodStatus {
  const resize = Object.fromEntries(resizes.map(({ name, resources }) => [name, resources]));
  // If an earlier change of images is not finished, this change must wait for it as well.
  const touchesContainers = images.size + resizes.length > 0 || recordOf(pod)?.containerStates !== undefined;
  return {
    ...(touchesContainers ? { containerStates: statesFor(pod, images, isEnded) } : {}),
    ...(resizes.length > 0 ? { resize } : {}),
    ...(touchesContainers && from !== undefined ? { from } : {}),
  };
}

/**
 * The record of the images that admission changed in a write that should change no image; undefined if admission changed none. Any write
 * of a Pod, even of a label, can have this effect once the cluster has an image policy.
 */
export function recordOfRewrite(before: Pod, after: Pod, from: string | undefined): LastPodStatus | undefined {
  const old = new Map(runningContainers(before.spec).map(({ name, image }) => [name, image]));
  const rewritten = runningContainers(after.spec).filter(({ name, image }) => old.has(name) && old.get(name) !== image);
  if (rewritten.length === 0 || recordOf(after)?.containerStates) return undefined;
  const images = new Map(rewritten.map(({ name, image = '' }) => [name, image]));
  return recordFor(before, { images, resizes: [], from, isEnded: () => true });
}

function statesFor(
  pod: Pod,
  images: ReadonlyMap<string, string>,
  isEnded: (container: string) => boolean,
): Record<string, ContainerState> {
  const statuses = statusesOf(pod);
  const earlier = recordOf(pod)?.containerStates ?? {};
  const states: Record<string, ContainerState> = {};
  for (const { name, image = '' } of runningContainers(pod.spec)) {
    const latestImage = images.get(name) ?? image;
    const status = statuses.get(name);
    const unfinished = isEnded(name) ? undefined : own(earlier, name)?.before;
    setOwn(states, name, {
      latestImage,
      ...(latestImage !== image && status?.imageID ? { lastImageID: status.imageID } : {}),
      before: beforeOf(image, status, unfinished),
    });
  }
  return states;
}

function beforeOf(image: string, status: ContainerStatus | undefined, unfinished: Before | undefined): Before {
  const present = {
    ...(status?.imageID ? { imageID: status.imageID } : {}),
    ...(status?.containerID ? { containerID: status.containerID } : {}),
  };
  if (!unfinished) return { image, ...present };
  const passed = unfinished.passed ?? [];
  if (present.containerID !== undefined && present.containerID === unfinished.containerID) {
    return withPassed(unfinished, [...passed, image]);
  }
  // Another container runs by now. It is not known which of the images it was started from.
  return withPassed(present, [...(unfinished.image === undefined ? [] : [unfinished.image]), ...passed, image]);
}

function withPassed(before: Before, images: readonly string[]): Before {
  const passed = [...new Set(images)].filter((image) => image !== before.image);
  const { passed: _, ...rest } = before;
  return passed.length > 0 ? { ...rest, passed } : rest;
}

/** True if the Pod carries the record of an in-place change, which stays until the change is finished. */
export function isChangedInPlace(pod: Pod): boolean {
  return pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
}

/** Names of the containers that the recorded change resizes. */
export function resizedContainers(pod: Pod): readonly string[] {
  return Object.keys(recordOf(pod)?.resize ?? {});
}

/** Name of the Pod's revision before the recorded change; undefined if no record names it. */
export function changedFrom(pod: Pod): string | undefined {
  return recordOf(pod)?.from;
}

/**
 * Resizes of the recorded change that the Pod's spec does not show yet. The controller writes them after the change itself.
 * @param answered the record whose resizes were written. The resources that the API server stored then count, even if admission changed
 *   them
 */
export function missingResizes(pod: Pod, answered?: string): readonly Resize[] {
  if (answered !== undefined && answered === recordTextOf(pod)) return [];
  const wanted = recordOf(pod)?.resize ?? {};
  return runningContainers(pod.spec).flatMap(({ name, resources }) => {
    const target = own(wanted, name);
    return target && !includes(resources, target) ? [{ name, resources: target }] : [];
  });
}

/** The stored text of the record. Each change has another text. */
export function recordTextOf(pod: Pod): string | undefined {
  return pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION];
}

export function recordOf(pod: Pod): LastPodStatus | undefined {
  const text = recordTextOf(pod);
  if (text === undefined) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null ? (record as LastPodStatus) : undefined;
  } catch {
    return undefined;
  }
}

/** Statuses of the containers and the init containers, by name. */
export function statusesOf({ status }: Pod): ReadonlyMap<string, ContainerStatus> {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return new Map(all.map((item) => [item.name, item]));
}
