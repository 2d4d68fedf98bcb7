import {
  LAST_POD_STATUS_ANNOTATION,
  type Pod,
  type PodTemplateSpec,
  PREPARING_TO_DELETE_LABEL,
  REVISION_LABEL,
} from '@kuperator/api';
import { meaningOf } from './meaning.ts';
import { reservedLabels } from './pod-template.ts';
import type { Revision } from './revision-data.ts';

type Changes = Record<string, string | null>;

/** How a Pod gets from one revision to another. */
export type Transition =
  | {
      readonly mode: 'in-place';
      readonly labels: Changes;
      readonly annotations: Changes;
      readonly images: readonly Image[];
    }
  | { readonly mode: 'recreate'; readonly reason: string };
type Image = { readonly name: string; readonly image: string };

/**
 * What differs between two revisions, and whether a running Pod can follow: only labels, annotations and container images may differ.
 * Computed from the templates and not from the Pod, so that what users or injectors changed on the Pod is no difference.
 * @param from undefined when the Pod's revision is unknown
 */
export function planTransition(from: Revision | undefined, to: Revision): Transition {
  if (!from) return { mode: 'recreate', reason: 'its present revision is unknown' };
  if (meaningOf(from.claimTemplates) !== meaningOf(to.claimTemplates)) {
    return { mode: 'recreate', reason: 'volumeClaimTemplates differ' };
  }
  const difference = firstDifference(withoutImages(from.template), withoutImages(to.template), 'spec');
  if (difference) return { mode: 'recreate', reason: `${difference} differs` };
  const images = to.template.spec.containers.flatMap(({ name, image }, index) =>
    image !== undefined && image !== from.template.spec.containers[index]?.image ? [{ name, image }] : [],
  );
  return {
    mode: 'in-place',
    labels: withoutReserved(changesOf(from.template.metadata?.labels, to.template.metadata?.labels)),
    annotations: changesOf(from.template.metadata?.annotations, to.template.metadata?.annotations),
    images,
  };
}

/** Record of the containers a change touched, by which its end is seen. Our own fields ride along unknown to others. */
type ContainerState = {
  latestImage: string;
  lastImageID?: string;
  lastContainerID?: string;
  /** Missing in records of the Go implementation. */
  changed?: boolean;
};
type LastPodStatus = { containerStates?: Record<string, ContainerState> };

/** Body of the strategic merge patch that takes the Pod to `revision`: one write for template, revision and record. */
export function inPlacePatch(
  pod: Pod,
  revision: string,
  transition: Transition & { mode: 'in-place' },
  labels: Changes,
) {
  const { images } = transition;
  const dropped = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] === undefined ? {} : labels;
  return {
    metadata: {
      resourceVersion: pod.metadata.resourceVersion,
      labels: { ...transition.labels, ...dropped, [REVISION_LABEL]: revision },
      annotations: {
        ...transition.annotations,
        [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(recordFor(pod, images)),
      },
    },
    ...(images.length > 0 ? { spec: { containers: images } } : {}),
  };
}

function recordFor(pod: Pod, images: readonly Image[]): LastPodStatus {
  if (images.length === 0) return {};
  const target = new Map(images.map(({ name, image }) => [name, image]));
  const statuses = new Map(pod.status?.containerStatuses?.map((status) => [status.name, status]));
  const containerStates: Record<string, ContainerState> = {};
  for (const { name, image } of pod.spec.containers) {
    const latestImage = target.get(name) ?? image ?? '';
    const changed = latestImage !== image;
    const status = statuses.get(name);
    containerStates[name] = {
      latestImage,
      ...(changed && status?.imageID ? { lastImageID: status.imageID } : {}),
      ...(changed && status?.containerID ? { lastContainerID: status.containerID } : {}),
      changed,
    };
  }
  return { containerStates };
}

/** True when an in-place change was written to the Pod and is not finished: its record is there. */
export function isChangedInPlace(pod: Pod): boolean {
  return pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
}

/** Why the in-place change is not finished; undefined when the kubelet has followed in every changed container (T42). */
export function unfinishedReason(pod: Pod): string | undefined {
  const record = parseRecord(pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION]);
  if (!record) return 'has no record of the change';
  const statuses = new Map(pod.status?.containerStatuses?.map((status) => [status.name, status]));
  if (statuses.size === 0 || statuses.size < pod.spec.containers.length) return 'has no status of its containers yet';
  for (const { name, image } of pod.spec.containers) {
    const state = record.containerStates?.[name];
    // An unchanged container, say a sidecar with troubles of its own, holds nothing up.
    if (!state || state.changed === false || state.latestImage !== image) continue;
    const status = statuses.get(name);
    if (!status?.imageID) return `container ${name} has not started ${image}`;
    if (state.lastImageID === undefined) continue;
    const isMoved = status.imageID !== state.lastImageID;
    // Another tag of the same content keeps the image id: then the new container, or its image as reported, tells.
    const isRestarted = state.lastContainerID !== undefined && isOther(status.containerID, state.lastContainerID);
    if (!isMoved && !isRestarted && !(hasSeenSpec(pod) && sameImage(status.image, image))) {
      return `container ${name} still runs the image before ${image}`;
    }
  }
  return undefined;
}

function isOther(id: string | undefined, last: string): boolean {
  return id !== undefined && id !== '' && id !== last;
}

/** False when the kubelet reports that it has not yet seen the present spec: its image may be that of a change since undone. */
function hasSeenSpec(pod: Pod): boolean {
  const observed = pod.status?.observedGeneration;
  return typeof observed !== 'number' || observed >= (pod.metadata.generation ?? 0);
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

function parseRecord(text: string | undefined): LastPodStatus | undefined {
  if (text === undefined) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null ? (record as LastPodStatus) : undefined;
  } catch {
    return undefined;
  }
}

function withoutImages(template: PodTemplateSpec): unknown {
  const { containers, ...spec } = template.spec;
  return { ...spec, containers: containers.map(({ image: _, ...container }) => container) };
}

/** Path of the first place where two values differ by meaning; undefined when they do not. */
function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (meaningOf(a) === meaningOf(b)) return undefined;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    for (const [index, item] of a.entries()) {
      const found = firstDifference(item, b[index], `${path}[${index}]`);
      if (found) return found;
    }
  } else if (isRecord(a) && isRecord(b)) {
    for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
      // Wrapped, because what a value means depends on its field.
      if (meaningOf({ [key]: a[key] }) !== meaningOf({ [key]: b[key] })) {
        return firstDifference(a[key], b[key], `${path}.${key}`) ?? `${path}.${key}`;
      }
    }
  }
  return path;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function changesOf(from: Record<string, string> = {}, to: Record<string, string> = {}): Changes {
  const changes: Changes = {};
  for (const key of Object.keys(from)) if (!(key in to)) changes[key] = null;
  for (const [key, value] of Object.entries(to)) if (from[key] !== value) changes[key] = value;
  return changes;
}

function withoutReserved(changes: Changes): Changes {
  return Object.fromEntries(Object.entries(changes).filter(([key]) => !reservedLabels.has(key)));
}
