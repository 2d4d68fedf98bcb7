// How long a client waits for its answer. A refusal with `retryAfterSeconds` makes client-go sleep and repeat by itself, ten times, and
// print nothing meanwhile; a refusal without it is an error that the client gets at once.

/** A person waits for a Pod for about so long in all. Then kubectl ends with the reason, and the coordinator goes on. */
export const PATIENCE_MS = 60_000;
const LONGEST_RETRY_SECONDS = 10;
/** Where a Pod of the namespace has been held for longer than a person waits, the next one is held for less. */
const SHORT_HOLD_MS = 1000;

/**
 * Whether `user` is a program with a queue of its own: components of Kubernetes and every ServiceAccount. client-go would sleep inside
 * one of its few workers, and the work of other namespaces would wait behind it. `system:admin` is the administrator of some distributions.
 */
export function isProgram(user: string): boolean {
  return user.startsWith('system:') && user !== 'system:admin';
}

/**
 * Whether `user` is a scheduler, kube-scheduler or another by name. It deletes Pods for preemption alone, and on any error but NotFound it
 * tries again at once, without a pause. NotFound has the Pod that needs the room wait for the end of its victim, as it should.
 */
export function isScheduler(user: string): boolean {
  return isProgram(user) && /\bscheduler\b/.test(user);
}

export type Waited = {
  /** Since the operation began, which a restart and a second replica know as well. */
  readonly waitedMs: number;
  /** The setting: how long a request may be held. */
  readonly holdMs: number;
  /** Another Pod of the namespace has been held for longer than `PATIENCE_MS`. */
  readonly othersWait: boolean;
};

/**
 * How long to hold a deletion. Only from the beginning of the operation on: the API server asks a second time when the Pod has changed
 * meanwhile, and every later try would be held again.
 */
export function deletionHoldMs(user: string, { waitedMs, holdMs, othersWait }: Waited): number {
  if (isProgram(user)) return 0;
  return Math.max(0, Math.min(holdMs, othersWait ? SHORT_HOLD_MS : holdMs) - waitedMs);
}

/**
 * How long to hold an eviction: the first request, and while its drain is young. A request that only waits for a PodDisruptionBudget is
 * answered at once.
 * @param drainedMs since the drain began; undefined when it has not
 */
export function evictionHoldMs(
  user: string,
  { isRepeated, drainedMs, holdMs }: { isRepeated: boolean; drainedMs: number | undefined; holdMs: number },
): number {
  if (isProgram(user)) return 0;
  if (drainedMs === undefined) return isRepeated ? 0 : holdMs;
  return Math.max(0, holdMs - drainedMs);
}

/**
 * When a refused client should come back: after half as long again as it has waited already, so that a deletion which takes 2 s is
 * not kept for 10. Undefined: it is told once and for all.
 */
export function retryAfterSeconds(user: string, waitedMs: number): number | undefined {
  const leftMs = PATIENCE_MS - waitedMs;
  if (isProgram(user) || leftMs <= 0) return undefined;
  return Math.max(1, Math.min(LONGEST_RETRY_SECONDS, Math.ceil(waitedMs / 2000), Math.ceil(leftMs / 1000)));
}
