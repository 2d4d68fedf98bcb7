import { COLLASET_OPERATION_ID, type Pod } from '@kuperator/api';
import { isPermitted, permittedSince } from '@kuperator/lifecycle';

/** `granted`, `none`, or granted and to be used only after `delayMs`. */
export type Permission = 'granted' | 'none' | { readonly delayMs: number };

/** Whether our operation of `type` may go on now, `operationDelaySeconds` counted from the moment permission was given. */
export function permissionOf(pod: Pod, type: string, delaySeconds: number, nowMs: number): Permission {
  if (!isPermitted(pod, COLLASET_OPERATION_ID, type)) return 'none';
  const since = permittedSince(pod, COLLASET_OPERATION_ID);
  if (delaySeconds <= 0 || since === undefined) return 'granted';
  const delayMs = delaySeconds * 1000;
  // The stamp comes from another machine's clock: one ahead of ours must not lengthen the delay.
  const remainingMs = Math.min(delayMs, Number(since / 1_000_000n) + delayMs - nowMs);
  return remainingMs <= 0 ? 'granted' : { delayMs: remainingMs };
}
