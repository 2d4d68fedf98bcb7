// Finds what a Pod that is not Ready waits for, from the reports of the scheduler and the kubelet.
import {
  type Condition,
  type ContainerStatus,
  conditionOf,
  isReady,
  type Pod,
  SERVICE_READY_GATE,
} from '@kuperator/api';
import type { Holder } from './holder.ts';
import { bounded } from './text.ts';

/** A container that has run for this long since its last failure no longer counts as crashing. The kubelet's back-off ends then, too. */
const CRASH_MEMORY_MS = 600_000;

type Waiting = { readonly reason?: string; readonly message?: string };
type Terminated = { readonly exitCode?: number; readonly reason?: string; readonly finishedAt?: string };

/**
 * Why the Pod is not Ready, as far as the scheduler and the kubelet are concerned. Pure.
 * @param isNodeReady false if the node is known to be not ready
 * @returns undefined if the Pod is Ready, or if only the service-ready gate keeps it from being Ready
 */
export function readinessHolder(pod: Pod, nowMs: number, isNodeReady?: boolean): Holder | undefined {
  if (isReady(pod)) return undefined;
  const failing = startHolder(pod, nowMs, isNodeReady);
  if (failing) return failing;
  const statuses = pod.status?.containerStatuses ?? [];
  const [starting] = statuses.filter((status) => !status.ready && waitingOf(status) !== undefined);
  if (starting || statuses.length === 0) return startingHolder(pod, starting);
  const unready = statuses.filter(({ ready }) => !ready);
  if (unready.length > 0) {
    const isStarting = unready.every(({ started }) => started === false);
    return {
      kind: 'unready',
      containers: unready.map(({ name }) => name).slice(0, 5),
      probe: isStarting ? 'startup' : 'readiness',
    };
  }
  const gate = pod.spec.readinessGates?.find(({ conditionType }) => !isTrue(conditionOf(pod, conditionType)));
  if (gate) {
    if (gate.conditionType === SERVICE_READY_GATE) return undefined;
    const { message = '' } = conditionOf(pod, gate.conditionType) ?? {};
    return { kind: 'readiness-gate', gate: gate.conditionType, message: bounded(message) };
  }
  // Containers and gates are ready, so only the kubelet's report is missing.
  return { kind: 'node', node: isTrue(conditionOf(pod, 'ContainersReady')) ? (pod.spec.nodeName ?? '') : '' };
}

/** Why a container does not run: there is no node, or its image, its configuration or its own failures prevent it. */
export function startHolder(pod: Pod, nowMs: number, isNodeReady?: boolean): Holder | undefined {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return { kind: 'unscheduled', message: bounded(scheduled.message ?? '') };
  if (isNodeReady === false) return { kind: 'node', node: pod.spec.nodeName ?? '' };
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const holder = failureOf(pod, status, nowMs);
    if (holder) return holder;
  }
  return undefined;
}

/** A resize that the node cannot do now (Deferred) or ever (Infeasible), or that failed. */
export function resizeHolder(pod: Pod): Holder | undefined {
  const pending = conditionOf(pod, 'PodResizePending');
  if (pending?.status === 'True') {
    return { kind: 'resize', reason: pending.reason || 'pending', message: bounded(pending.message ?? '') };
  }
  const progress = conditionOf(pod, 'PodResizeInProgress');
  if (progress?.status !== 'True' || progress.reason !== 'Error') return undefined;
  return { kind: 'resize', reason: 'failing', message: bounded(progress.message ?? '') };
}

function startingHolder(pod: Pod, status: ContainerStatus | undefined): Holder {
  const init = pod.status?.initContainerStatuses?.find(
    (each) => !isCompleted(each) && !(each.ready && each.state?.running),
  );
  if (init && !waitingOf(init)) return { kind: 'init-container', container: init.name };
  if (!status && conditionOf(pod, 'PodScheduled')?.status !== 'True' && !pod.spec.nodeName) {
    return { kind: 'unscheduled', message: '' };
  }
  const container = init?.name ?? status?.name ?? pod.spec.containers[0]?.name ?? '';
  const waiting = (init && waitingOf(init)) ?? (status && waitingOf(status));
  return { kind: 'starting', container, message: bounded(waiting?.reason ?? '') };
}

function failureOf(pod: Pod, status: ContainerStatus, nowMs: number): Holder | undefined {
  const container = status.name;
  const waiting = waitingOf(status);
  const reason = waiting?.reason ?? '';
  const message = bounded(waiting?.message ?? '');
  if (IMAGE_REASONS.has(reason)) {
    const stable = reason === 'ImagePullBackOff' ? 'ErrImagePull' : reason;
    return { kind: 'image', container, image: imageOf(pod, status), reason: stable, message };
  }
  if (reason === 'CrashLoopBackOff') return { kind: 'crash', container, message: exitOf(status) };
  if (CONFIG_REASONS.has(reason)) return { kind: 'container-config', container, reason, message };
  return isCrashing(status, nowMs) ? { kind: 'crash', container, message: exitOf(status) } : undefined;
}

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

const CONFIG_REASONS = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
  'StartError',
  'ContainerCannotRun',
]);

/**
 * Between two back-offs a failing container runs for a moment. A container that was restarted once or twice, or ended by a signal, may just
 * have been changed in place.
 */
function isCrashing(status: ContainerStatus, nowMs: number): boolean {
  if (status.ready || status.restartCount < 2) return false;
  const last = terminatedOf(status.state) ?? terminatedOf(status.lastState);
  if (!last || last.exitCode === 0) return false;
  const isBySignal = last.exitCode === 137 || last.exitCode === 143;
  if (isBySignal && last.reason !== 'OOMKilled') return false;
  const finishedMs = Date.parse(last.finishedAt ?? '');
  return Number.isNaN(finishedMs) || nowMs - finishedMs < CRASH_MEMORY_MS;
}

function exitOf(status: ContainerStatus): string {
  const last = terminatedOf(status.state) ?? terminatedOf(status.lastState);
  if (!last) return 'CrashLoopBackOff';
  const exit = `exit code ${last.exitCode ?? 'unknown'}`;
  return `CrashLoopBackOff, ${last.reason === 'OOMKilled' ? 'OOMKilled, ' : ''}${exit}`;
}

/** The requested image. The status may still name the previous one, or its digest. */
function imageOf({ spec }: Pod, { name, image }: ContainerStatus): string {
  const asked = [...spec.containers, ...(spec.initContainers ?? [])].find((container) => container.name === name);
  return bounded(asked?.image ?? image ?? '', 200);
}

function waitingOf({ state }: ContainerStatus): Waiting | undefined {
  return state?.waiting as Waiting | undefined;
}

function terminatedOf(state: unknown): Terminated | undefined {
  return (state as { terminated?: Terminated } | undefined)?.terminated;
}

function isCompleted({ state }: ContainerStatus): boolean {
  return terminatedOf(state)?.exitCode === 0;
}

function isTrue(condition: Condition | undefined): boolean {
  return condition?.status === 'True';
}
