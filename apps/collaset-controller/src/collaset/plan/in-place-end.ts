// Whether the kubelet has followed an in-place change. docs/decisions/0021 has the table of what it reports in each case.
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

/** What was seen of a Pod when the kubelet first reported that it works on the changed spec. Remembered by the process alone. */
export type Sighting = {
  /** The record and the images it was seen with: another change needs another sighting. */
  readonly change: string;
  /** Container ids by container name. */
  readonly containers: ReadonlyMap<string, string>;
  /** By the monotonic clock. */
  readonly atMs: number;
};

/** What is known besides the Pod itself. */
export type Knowledge = {
  readonly sighting?: Sighting | undefined;
  /** By the monotonic clock. */
  readonly nowMs: number;
  /** The record for which the resize was written. */
  readonly answered?: string | undefined;
  /** The resize is given up: only images count. */
  readonly ignoresResize?: boolean;
};

/** Why a change is not finished. */
export type Unfinished = {
  readonly reason: string;
  /** When time alone changes the answer. */
  readonly againMs?: number;
};

const NOTHING: Knowledge = { nowMs: 0 };
const DEFAULT_GRACE_SECONDS = 30;
const LONGEST_GRACE_SECONDS = 60;
/** The time a kubelet takes besides the grace period to stop a container. */
const MARGIN_MS = 2000;

/**
 * The sighting of a Pod that is being changed: the one before if it is of the same change, a new one when the kubelet has seen the spec.
 * @returns undefined when the Pod is not being changed, or the kubelet has not seen the change
 */
export function sightingOf(pod: Pod, before: Sighting | undefined, nowMs: number): Sighting | undefined {
  const record = recordTextOf(pod);
  if (record === undefined || !hasSeenSpec(pod)) return undefined;
  const change = [record, ...runningContainers(pod.spec).map(({ image = '' }) => image)].join('\n');
  if (before?.change === change) return before;
  const ids = [...statusesOf(pod)].map(([name, { containerID = '' }]) => [name, containerID] as const);
  return { change, containers: new Map(ids), atMs: nowMs };
}

/** Why the in-place change is not finished; undefined when the kubelet has followed in every container the change touched (T42, T98). */
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
    const hold = imageHold(pod, name, own(record.containerStates, name), knowledge);
    if (hold) return hold;
    if (!own(record.resize, name) || knowledge.ignoresResize) continue;
    if (missing.has(name)) return { reason: `container ${name} is to be resized` };
    // What was stored counts: admission may have changed the amounts that were asked for.
    if (!includes(status?.resources, resizableOf(container)) && !hasReportedSpec(pod)) {
      return { reason: `container ${name} is being resized` };
    }
  }
  const reason = record.resize && !knowledge.ignoresResize ? resizeHold(pod) : undefined;
  return reason === undefined ? undefined : { reason };
}

/** True when the change recorded on the Pod is finished in the container: what runs there was started from the present spec. */
export function isContainerEnded(pod: Pod, container: string, knowledge: Knowledge): boolean {
  return imageHold(pod, container, own(recordOf(pod)?.containerStates, container), knowledge) === undefined;
}

function imageHold(
  pod: Pod,
  name: string,
  state: ContainerState | undefined,
  knowledge: Knowledge,
): Unfinished | undefined {
  const image = runningContainers(pod.spec).find((container) => container.name === name)?.image ?? '';
  const before = state && startOf(state);
  // A container that the change does not touch, say a sidecar with troubles of its own, holds nothing up (T42).
  if (!before || (before.image === image && !before.passed)) return undefined;
  const status = statusesOf(pod).get(name);
  if (!status?.imageID || !isRunning(status))
    return { reason: `container ${name} does not run ${image}${whyNot(status)}` };
  const hold = startHold(pod, image, before, status, knowledge);
  if (hold) return { ...hold, reason: `container ${name} ${hold.reason}` };
  return status.ready ? undefined : { reason: `container ${name} runs ${image} and is not ready` };
}

/** Records of the Go implementation say nothing of the image before, and nothing at all of containers that do not change. */
function startOf({ before, lastImageID }: ContainerState): Before | undefined {
  return before ?? (lastImageID === undefined ? undefined : { imageID: lastImageID });
}

/** Why the running container is not proven to be started from `image`; undefined when it is. */
function startHold(
  pod: Pod,
  image: string,
  before: Before,
  status: ContainerStatus,
  { sighting, nowMs }: Knowledge,
): Unfinished | undefined {
  const others = [before.image, ...(before.passed ?? [])].filter((other) => other !== undefined && other !== image);
  const isSame = before.containerID !== undefined && status.containerID === before.containerID;
  const isSeen = hasSeenSpec(pod);
  if (isSame && before.image !== undefined) {
    if (before.image !== image) return { reason: `still runs ${before.image}, not ${image}` };
    // Started from the very image the spec has: the kubelet leaves it alone, once it has seen that.
    return isSeen ? undefined : { reason: `runs ${image}; the kubelet has not confirmed that it stays` };
  }
  // The content of the image before is known. When it is the only other one, other content must be that of the new image.
  const isOldContent = before.imageID !== undefined && before.image !== image && status.imageID === before.imageID;
  const isOnlyOther = before.image !== image && !before.passed;
  if (isOnlyOther && !isOldContent) return undefined;
  if (hasDigest(status.imageID, image) && !others.some((other) => other && hasDigest(status.imageID, other)))
    return undefined;
  if (!isSeen) return { reason: `is not known to run ${image}: the kubelet has not seen the change yet` };
  // Nothing is started any more from an earlier spec once the kubelet works on this one.
  if (sighting && (sighting.containers.get(status.name) ?? '') !== (status.containerID ?? '')) return undefined;
  if (!isOldContent && sameImage(status.image, image)) return undefined;
  // Equal content under another name. It was started from this spec, or from an earlier one and is being stopped right now.
  const settledMs = (sighting?.atMs ?? nowMs) + stopMs(pod) - nowMs;
  if (sighting && settledMs <= 0) return undefined;
  return { reason: `may still be restarted for ${image}`, againMs: Math.max(1, settledMs) };
}

/** The longest time for which a container that the kubelet stops is still reported as running. */
function stopMs({ spec }: Pod): number {
  const seconds = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  return Math.min(seconds, LONGEST_GRACE_SECONDS) * 1000 + MARGIN_MS;
}

/** A status without a state, which no kubelet writes, is taken for running. */
function isRunning({ state }: ContainerStatus): boolean {
  return state === undefined || Object.keys(state).length === 0 || state.running !== undefined;
}

function whyNot(status: ContainerStatus | undefined): string {
  const { reason, message } = (status?.state?.waiting ?? status?.state?.terminated ?? {}) as Record<string, string>;
  const text = [reason, message].filter(Boolean).join(': ');
  return text ? ` (${text})` : '';
}

/** True when the content the kubelet reports is the one that `image` names by its digest. */
function hasDigest(imageID: string, image: string): boolean {
  const digest = /@([a-z0-9]+:[0-9a-f]{32,})$/.exec(image)?.[1];
  return digest !== undefined && imageID.endsWith(digest);
}

/** Why the kubelet will not resize the Pod where it is; undefined while it may. */
export function infeasibleReason(pod: Pod): string | undefined {
  const pending = conditionOf(pod, 'PodResizePending');
  if (pending?.status !== 'True' || pending.reason !== 'Infeasible' || resizedContainers(pod).length === 0) return;
  return `the node cannot hold it at its new size${pending.message ? `: ${pending.message}` : ''}`;
}

/** Why, and since when (ms since the epoch), the kubelet puts the resize off until there is room on the node. */
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

/** False when the kubelet reports that it has not yet seen the present spec: its status may be that of a change since undone. */
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
