// Decides whether the kubelet has completed an in-place change. docs/decisions/0021 has a table of what the kubelet reports in each case.
import { type ContainerStatus, conditionOf, own, type Pod } from '@kuperator/api';
import {
  type Before,
  type ContainerState,
  missingResizes,
  recordOf,
  recordTextOf,
  resizedContainers,
  statusesOf,
} from './in-place-record.ts';
import { includes, resizableOf, runningContainers } from './resources.ts';

/** The containers of a Pod when the kubelet first reported that it had seen the changed spec. Only the process remembers it. */
export type Sighting = {
  /** The record and the images of the change. A sighting counts only for its own change. */
  readonly change: string;
  /** Container ids, by container name. */
  readonly containers: ReadonlyMap<string, string>;
  /** Time of the sighting, by the monotonic clock. */
  readonly atMs: number;
};

/** What the process knows about a change in addition to the Pod itself. */
export type Knowledge = {
  readonly sighting?: Sighting | undefined;
  /** By the monotonic clock. */
  readonly nowMs: number;
  /** The record whose resizes were written. */
  readonly answered?: string | undefined;
  /** True if the resize was abandoned, so that only the images count. */
  readonly ignoresResize?: boolean;
};

/** Why a change is not finished. */
type Unfinished = {
  readonly reason: string;
  /** Time after which the change counts as finished if the Pod does not change; undefined if time alone is not enough. */
  readonly againMs?: number;
};

const NOTHING: Knowledge = { nowMs: 0 };
const DEFAULT_GRACE_SECONDS = 30;
const LONGEST_GRACE_SECONDS = 60;
/** The time that a kubelet needs to stop a container, in addition to the grace period. */
const MARGIN_MS = 2000;

/**
 * The sighting of a Pod that is being changed: `before` if it belongs to the same change, or else a new one.
 * @returns undefined if the Pod is not being changed, or the kubelet has not seen the change
 */
export function sightingOf(pod: Pod, before: Sighting | undefined, nowMs: number): Sighting | undefined {
  const record = recordTextOf(pod);
  if (record === undefined || !hasSeenSpec(pod)) return undefined;
  const change = [record, ...runningContainers(pod.spec).map(({ image = '' }) => image)].join('\n');
  if (before?.change === change) return before;
  const ids = [...statusesOf(pod)].map(([name, { containerID = '' }]) => [name, containerID] as const);
  return { change, containers: new Map(ids), atMs: nowMs };
}

/** Why the in-place change is not finished; undefined if the kubelet has completed it in every changed container (T42, T98). */
export function unfinished(pod: Pod, knowledge: Knowledge = NOTHING): Unfinished | undefined {
  const record = recordOf(pod);
  if (!record) return { reason: 'has no record of the change' };
  const reported = pod.status?.containerStatuses?.length ?? 0;
  if (reported === 0 || reported < pod.spec.containers.length) {
    return { reason: 'has no status of its containers yet' };
  }
  const missing = new Set(missingResizes(pod, knowledge.answered).map(({ name }) => name));
  const statuses = statusesOf(pod);
  for (const container of runningContainers(pod.spec)) {
    const { name } = container;
    const status = statuses.get(name);
    const hold = imageHold(pod, name, knowledge);
    if (hold) return hold;
    if (!own(record.resize, name) || knowledge.ignoresResize) continue;
    if (missing.has(name)) return { reason: `container ${name} is to be resized` };
    // Compare with the stored resources, because admission may have changed the requested ones.
    if (!includes(status?.resources, resizableOf(container)) && !hasReportedSpec(pod)) {
      return { reason: `container ${name} is being resized` };
    }
  }
  const reason = record.resize && !knowledge.ignoresResize ? resizeHold(pod) : undefined;
  return reason === undefined ? undefined : { reason };
}

/** True if the recorded change is finished in the container, which means that the running container was started from the present spec. */
export function isContainerEnded(pod: Pod, container: string, knowledge: Knowledge): boolean {
  return imageHold(pod, container, knowledge) === undefined;
}

/** Why the image change is not finished in the container of that name; undefined if it is. */
function imageHold(pod: Pod, name: string, knowledge: Knowledge): Unfinished | undefined {
  const state = own(recordOf(pod)?.containerStates, name);
  const image = runningContainers(pod.spec).find((container) => container.name === name)?.image ?? '';
  const before = state && startOf(state);
  // A container that the change does not touch, for example a failing sidecar, does not delay the end of the change (T42).
  if (!before || (before.image === image && !before.passed)) return undefined;
  const status = statusesOf(pod).get(name);
  if (!status?.imageID || !isRunning(status))
    return { reason: `container ${name} does not run ${image}${whyNot(status)}` };
  const hold = startHold(pod, { image, before, status }, knowledge);
  if (hold) return { ...hold, reason: `container ${name} ${hold.reason}` };
  return status.ready ? undefined : { reason: `container ${name} runs ${image} and is not ready` };
}

/** Records of the Go implementation lack the earlier image, and lack containers that do not change. */
function startOf({ before, lastImageID }: ContainerState): Before | undefined {
  return before ?? (lastImageID === undefined ? undefined : { imageID: lastImageID });
}

type RunningContainer = {
  /** The image in the present spec. */
  readonly image: string;
  /** The container that ran when the change was written. */
  readonly before: Before;
  readonly status: ContainerStatus;
};

/** Why it is not proven that the running container was started from `image`; undefined if it is. */
function startHold(
  pod: Pod,
  { image, before, status }: RunningContainer,
  { sighting, nowMs }: Knowledge,
): Unfinished | undefined {
  const others = [before.image, ...(before.passed ?? [])].filter((other) => other !== undefined && other !== image);
  const isSame = before.containerID !== undefined && status.containerID === before.containerID;
  const isSeen = hasSeenSpec(pod);
  if (isSame && before.image !== undefined) {
    if (before.image !== image) return { reason: `still runs ${before.image}, not ${image}` };
    // The container was started from the image in the spec. The kubelet keeps it once it has seen the spec.
    return isSeen ? undefined : { reason: `runs ${image}; the kubelet has not confirmed that it stays` };
  }
  // If the earlier image is the only other candidate, and its content is known, any other content is that of the new image.
  const isOldContent = before.imageID !== undefined && before.image !== image && status.imageID === before.imageID;
  const isOnlyOther = before.image !== image && !before.passed;
  if (isOnlyOther && !isOldContent) return undefined;
  if (hasDigest(status.imageID, image) && !others.some((other) => other && hasDigest(status.imageID, other)))
    return undefined;
  if (!isSeen) return { reason: `is not known to run ${image}: the kubelet has not seen the change yet` };
  // After the kubelet has seen the spec, it starts containers only from that spec.
  if (sighting && (sighting.containers.get(status.name) ?? '') !== (status.containerID ?? '')) return undefined;
  if (!isOldContent && sameImage(status.image, image)) return undefined;
  // Two images have the same content. The container was started from the new one, or from an earlier one and is being stopped now.
  const settledMs = (sighting?.atMs ?? nowMs) + stopMs(pod) - nowMs;
  if (sighting && settledMs <= 0) return undefined;
  return { reason: `may still be restarted for ${image}`, againMs: Math.max(1, settledMs) };
}

/** The longest time that the kubelet still reports a container as running while it stops it. */
function stopMs({ spec }: Pod): number {
  const seconds = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  return Math.min(seconds, LONGEST_GRACE_SECONDS) * 1000 + MARGIN_MS;
}

/** A status without a state counts as running. No kubelet writes one. */
function isRunning({ state }: ContainerStatus): boolean {
  return state === undefined || Object.keys(state).length === 0 || state.running !== undefined;
}

function whyNot(status: ContainerStatus | undefined): string {
  const { reason, message } = (status?.state?.waiting ?? status?.state?.terminated ?? {}) as Record<string, string>;
  const text = [reason, message].filter(Boolean).join(': ');
  return text ? ` (${text})` : '';
}

/** True if `image` has a digest and it is the digest that the kubelet reports. */
function hasDigest(imageID: string, image: string): boolean {
  const digest = /@([a-z0-9]+:[0-9a-f]{32,})$/.exec(image)?.[1];
  return digest !== undefined && imageID.endsWith(digest);
}

/** Why the kubelet can never resize the Pod on its node; undefined if it may. */
export function infeasibleReason(pod: Pod): string | undefined {
  const pending = conditionOf(pod, 'PodResizePending');
  if (pending?.status !== 'True' || pending.reason !== 'Infeasible' || resizedContainers(pod).length === 0) return;
  return `the node is too small for its new size${pending.message ? `: ${pending.message}` : ''}`;
}

/** Why, and since when (ms since the epoch), the kubelet defers the resize until the node has room; undefined if it does not. */
export function deferred(pod: Pod): { readonly reason: string; readonly sinceMs: number } | undefined {
  const pending = conditionOf(pod, 'PodResizePending');
  if (pending?.status !== 'True' || pending.reason !== 'Deferred' || resizedContainers(pod).length === 0) return;
  const sinceMs = Date.parse(pending.lastTransitionTime ?? '');
  if (Number.isNaN(sinceMs)) return undefined;
  return { reason: `its node has no room for it${pending.message ? `: ${pending.message}` : ''}`, sinceMs };
}

function resizeHold(pod: Pod): string | undefined {
  for (const type of ['PodResizePending', 'PodResizeInProgress']) {
    const condition = conditionOf(pod, type);
    if (condition?.status !== 'True') continue;
    return `is being resized (${[type, condition.reason, condition.message].filter(Boolean).join(': ')})`;
  }
  return undefined;
}

/** False if the kubelet reports that it has not seen the present spec yet, so that its status may be about an earlier spec. */
function hasSeenSpec(pod: Pod): boolean {
  const observed = pod.status?.observedGeneration;
  return typeof observed !== 'number' || observed >= (pod.metadata.generation ?? 0);
}

/** True if the kubelet reports that it has completed this spec. That counts because reported amounts may be rounded and never match. */
function hasReportedSpec(pod: Pod): boolean {
  return typeof pod.status?.observedGeneration === 'number' && hasSeenSpec(pod) && resizeHold(pod) === undefined;
}

/** True if the images are equal after `docker.io/library/` and `:latest` are added, as container runtimes do. */
export function sameImage(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && fullImage(a) === fullImage(b);
}

function fullImage(image: string): string {
  const [first = ''] = image.split('/');
  const hasRegistry = image.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const path = hasRegistry ? image : image.includes('/') ? `docker.io/${image}` : `docker.io/library/${image}`;
  return /[:@][^/]*$/.test(path) ? path : `${path}:latest`;
}
