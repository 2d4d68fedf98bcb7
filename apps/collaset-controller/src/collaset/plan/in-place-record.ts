// What an in-place change touched, kept on the Pod while it is under way, so that its end can be judged after a restart as well.
import { type ContainerStatus, LAST_POD_STATUS_ANNOTATION, own, type Pod, setOwn } from '@kuperator/api';
import { includes, type Resize, type Resources, runningContainers } from './resources.ts';

/** The container that ran, as far as it is known, when the change was written. */
export type Before = {
  /** The image in the spec it was started from; absent if a change before this one was not finished. */
  readonly image?: string;
  readonly imageID?: string;
  readonly containerID?: string;
  /** Images that unfinished changes asked for in between: the kubelet may have started any of them. */
  readonly passed?: readonly string[];
};

export type ContainerState = {
  /** The image asked for. What the API server stored may be another one, if admission rewrites images. */
  readonly latestImage: string;
  /** The field by which the Go implementation judges the end; only of containers whose image is asked to change. */
  readonly lastImageID?: string;
  /** Unknown to the Go implementation, missing in its records. Of every container: admission may change any of them. */
  readonly before?: Before;
};

/** `containerStates` is the wire format of the Go implementation; the other fields are ours and ride along. */
export type LastPodStatus = {
  readonly containerStates?: Readonly<Record<string, ContainerState>>;
  readonly resize?: Readonly<Record<string, Resources>>;
  /** Name of the revision the Pod was changed from: what it goes back to if the change cannot be completed. */
  readonly from?: string;
};

/**
 * The record of a change about to be written.
 * @param images those that change, by container name
 * @param from the Pod's revision before the change
 * @param isEnded whether the earlier change recorded on the Pod is finished in a container
 */
export function recordFor(
  pod: Pod,
  images: ReadonlyMap<string, string>,
  resizes: readonly Resize[],
  from: string | undefined,
  isEnded: (container: string) => boolean,
): LastPodStatus {
  const resize = Object.fromEntries(resizes.map(({ name, resources }) => [name, resources]));
  // An earlier change of images may not be finished: what comes after it has to wait for it as well.
  const touchesContainers = images.size + resizes.length > 0 || recordOf(pod)?.containerStates !== undefined;
  return {
    ...(touchesContainers ? { containerStates: statesFor(pod, images, isEnded) } : {}),
    ...(resizes.length > 0 ? { resize } : {}),
    ...(touchesContainers && from !== undefined ? { from } : {}),
  };
}

/**
 * The record of what admission changed with a write that was to change no image; undefined when it changed none. Any write of a Pod can
 * have that effect, a label's as well, once a policy on images is put in force.
 */
export function recordOfRewrite(before: Pod, after: Pod, from: string | undefined): LastPodStatus | undefined {
  const old = new Map(runningContainers(before.spec).map(({ name, image }) => [name, image]));
  const rewritten = runningContainers(after.spec).filter(({ name, image }) => old.has(name) && old.get(name) !== image);
  if (rewritten.length === 0 || recordOf(after)?.containerStates) return undefined;
  return recordFor(before, new Map(rewritten.map(({ name, image = '' }) => [name, image])), [], from, () => true);
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
  // Another container already, and it is not known from which of the images it was started.
  return withPassed(present, [...(unfinished.image === undefined ? [] : [unfinished.image]), ...passed, image]);
}

function withPassed(before: Before, images: readonly string[]): Before {
  const passed = [...new Set(images)].filter((image) => image !== before.image);
  const { passed: _, ...rest } = before;
  return passed.length > 0 ? { ...rest, passed } : rest;
}

/** True when an in-place change was written to the Pod and is not finished: its record is there. */
export function isChangedInPlace(pod: Pod): boolean {
  return pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
}

/** Names of the containers that the change under way resizes. */
export function resizedContainers(pod: Pod): readonly string[] {
  return Object.keys(recordOf(pod)?.resize ?? {});
}

/** Name of the revision the Pod was changed from; undefined when no record says so. */
export function changedFrom(pod: Pod): string | undefined {
  return recordOf(pod)?.from;
}

/**
 * Resizes the change under way calls for that the Pod's spec does not show yet: they are a write of their own.
 * @param answered the record for which that write was made: what the API server stored then counts, though it is not what was asked
 */
export function missingResizes(pod: Pod, answered?: string): readonly Resize[] {
  if (answered !== undefined && answered === recordTextOf(pod)) return [];
  const wanted = recordOf(pod)?.resize ?? {};
  return runningContainers(pod.spec).flatMap(({ name, resources }) => {
    const target = own(wanted, name);
    return target && !includes(resources, target) ? [{ name, resources: target }] : [];
  });
}

/** The record as it is stored: another text is another change. */
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

/** Statuses of all containers that run as long as the Pod does, by name. */
export function statusesOf({ status }: Pod): ReadonlyMap<string, ContainerStatus> {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return new Map(all.map((item) => [item.name, item]));
}
