import { COLLASET_OPERATION_ID, conditionOf, isReady, type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { isPermitted, permittedSince } from '@kuperator/lifecycle';

/** `delayMs`: the operation is permitted, but may continue only after this time. */
type Permission = 'granted' | 'none' | { readonly delayMs: number };

/** The longest wait for the kubelet to report the Pod as unready after the readiness gate was closed. */
const KUBELET_MS = 3000;

type PermissionInput = {
  /** The operation type. */
  readonly type: string;
  /** `operationDelaySeconds`, counted from the time of the permission. */
  readonly delaySeconds: number;
  readonly nowMs: number;
};

/** Tells whether this controller's operation on the Pod may continue now. */
export function permissionOf(pod: Pod, { type, delaySeconds, nowMs }: PermissionInput): Permission {
  if (!isPermitted(pod, COLLASET_OPERATION_ID, type)) return 'none';
  const since = permittedSince(pod, COLLASET_OPERATION_ID);
  const delayMs = Math.max(delaySeconds * 1000, expectsKubelet(pod) ? KUBELET_MS : 0);
  if (delayMs <= 0 || since === undefined) return 'granted';
  // The timestamp comes from the clock of another machine. A clock that is ahead of ours must not lengthen the delay.
  const remainingMs = Math.min(delayMs, Number(since / 1_000_000n) + delayMs - nowMs);
  return remainingMs <= 0 ? 'granted' : { delayMs: remainingMs };
}

/**
 * True if the readiness gate is closed and the kubelet has not reported the Pod as unready yet. Its report follows soon and changes the
 * Pod's resourceVersion, so a write before that would be refused as stale.
 */
function expectsKubelet(pod: Pod): boolean {
  return conditionOf(pod, SERVICE_READY_GATE)?.status === 'False' && isReady(pod);
}
