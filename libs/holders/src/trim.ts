// The parts of a Pod's status that show its holders, for caches that keep only these parts.
import type { Condition, ContainerStatus, Pod } from '@kuperator/api';
import { bounded } from './text.ts';

/** Conditions whose reason and message are read. */
const TOLD = new Set(['PodScheduled', 'PodResizePending', 'PodResizeInProgress']);

/** Types of the conditions that show the holder of the Pod: those of the kubelet and the scheduler, and its readiness gates. */
export function isHolding(pod: Pod): (type: string) => boolean {
  const gates = new Set(pod.spec.readinessGates?.map(({ conditionType }) => conditionType));
  return (type) => TOLD.has(type) || type === 'Ready' || type === 'ContainersReady' || gates.has(type);
}

/** Reason and message, of limited length, of a condition that does not have the wanted status. */
export function holdingReason({ type, status, reason, message }: Condition): Pick<Condition, 'reason' | 'message'> {
  const isHeld = type.startsWith('PodResize') ? status === 'True' : status !== 'True';
  // Ready repeats what the container statuses say.
  if (!isHeld || type === 'Ready' || type === 'ContainersReady') return {};
  return { ...(reason ? { reason } : {}), ...(message ? { message: bounded(message) } : {}) };
}

/** Why a container does not run; empty if it runs and is ready. */
export function holdingState(status: ContainerStatus): HoldingState {
  const { waiting, running, terminated } = (status.state ?? {}) as States;
  const last = ((status.lastState ?? {}) as States).terminated;
  if (status.ready && running) return { state: { running: {} } };
  return {
    ...(waiting ? { state: { waiting: textsOf(waiting) } } : {}),
    ...(running ? { state: { running: {} } } : {}),
    ...(terminated ? { state: { terminated: endOf(terminated) } } : {}),
    ...(last ? { lastState: { terminated: endOf(last) } } : {}),
    ...(typeof status.started === 'boolean' ? { started: status.started } : {}),
  };
}

export type HoldingState = {
  readonly state?: Record<string, unknown>;
  readonly lastState?: Record<string, unknown>;
  readonly started?: boolean;
};

type Words = { readonly reason?: string; readonly message?: string };
type End = { readonly exitCode?: number; readonly reason?: string; readonly finishedAt?: string };
type States = { readonly waiting?: Words; readonly running?: object; readonly terminated?: End };

function textsOf({ reason, message }: Words): Words {
  return { ...(reason ? { reason } : {}), ...(message ? { message: bounded(message) } : {}) };
}

function endOf({ exitCode, reason, finishedAt }: End): End {
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason ? { reason } : {}),
    ...(finishedAt ? { finishedAt } : {}),
  };
}
