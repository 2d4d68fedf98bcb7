import { COLLASET_OPERATION_ID, conditionOf, isReady, type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { isPermitted, permittedSince } from '@kuperator/lifecycle';

/** `granted`, `none`, or granted and to be used only after `delayMs`. */
export type Permission = 'granted' | 'none' | { readonly delayMs: number };

/** How long at most the kubelet is waited for after its Pod's gate was closed. */
const KUBELET_MS = 3000;

/** Whether our operation of `type` may go on now, `operationDelaySeconds` counted from the moment permission was given. */
export function permissionOf(pod: Pod, type: string, delaySeconds: number, nowMs: number): Permission {
  if (!isPermitted(pod, COLLASET_OPERATION_ID, type)) return 'none';
  const since = permittedSince(pod, COLLASET_OPERATION_ID);
  const delayMs = Math.max(delaySeconds * 1000, expectsKubelet(pod) ? KUBELET_MS : 0);
  if (delayMs <= 0 || since === undefined) return 'granted';
  // The stamp comes from another machine's clock: one ahead of ours must not lengthen the delay.
  const remainingMs = Math.min(delayMs, Number(since / 1_000_000n) + delayMs - nowMs);
  return remainingMs <= 0 ? 'granted' : { delayMs: remainingMs };
}

/**
 * The gate is closed and the kubelet has not yet said that the Pod is unready: it will in a moment, and a write of ours before that
 * would be refused as decided on a stale Pod, to be repeated.
 */
function expectsKubelet(pod: Pod): boolean {
  return conditionOf(pod, SERVICE_READY_GATE)?.status === 'False' && isReady(pod);
}
