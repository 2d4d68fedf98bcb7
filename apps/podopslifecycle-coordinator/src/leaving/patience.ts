// How long a client waits for its answer. If a refusal has `retryAfterSeconds`, client-go sleeps and repeats the request by itself, up to ten
// times, and prints nothing meanwhile. Without it, the client gets the refusal as an error at once.

/** A person waits for a Pod for about this long in all. Then kubectl ends with the reason, and the coordinator goes on. */
export const PATIENCE_MS = 60_000;
const LONGEST_RETRY_SECONDS = 10;
/** If another Pod of the namespace has been held for longer than a person waits, the next request is held for this long at most. */
const SHORT_HOLD_MS = 1000;

/**
 * Whether `user` is a program that retries by itself: a component of Kubernetes, or any ServiceAccount. client-go would sleep inside one of
 * its few workers, and the work of other namespaces would wait behind it. `system:admin` is the administrator of some distributions.
 */
export function isProgram(user: string): boolean {
  return user.startsWith('system:') && user !== 'system:admin';
}

/**
 * Whether `user` is a scheduler: kube-scheduler, or another one by its name. A scheduler deletes Pods only to preempt them. After any error
 * but NotFound it tries again at once, without a pause. After NotFound the Pod that needs the room waits until its victim has ended, as
 * it should.
 */
export function isScheduler(user: string): boolean {
  return isProgram(user) && /\bscheduler\b/.test(user);
}

type Waited = {
  /** Since the operation began. This time survives a restart, and every replica knows it. */
  readonly waitedMs: number;
  /** The setting: how long a request may be held. */
  readonly holdMs: number;
  /** Another Pod of the namespace has been held for longer than `PATIENCE_MS`. */
  readonly othersWait: boolean;
};

/**
 * How long to hold a request to delete. The time counts from the beginning of the operation: if the Pod changes meanwhile, the API server
 * asks again, and each of these attempts would otherwise be held for the whole time.
 */
export function deletionHoldMs(user: string, { waitedMs, holdMs, othersWait }: Waited): number {
  if (isProgram(user)) return 0;
  return Math.max(0, Math.min(holdMs, othersWait ? SHORT_HOLD_MS : holdMs) - waitedMs);
}

/**
 * How long to hold a request to evict. The first request is held, and later ones while the drain is young. A repeated request that only
 * waits for a PodDisruptionBudget is answered at once.
 * @param drainedMs since the drain began; undefined if it has not begun
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
 * When a refused client should come back: after half the time it has already waited, so that a deletion which takes 2 s is not delayed
 * to 10 s. Undefined if the client is not to come back.
 */
export function retryAfterSeconds(user: string, waitedMs: number): number | undefined {
  const leftMs = PATIENCE_MS - waitedMs;
  if (isProgram(user) || leftMs <= 0) return undefined;
  return Math.max(1, Math.min(LONGEST_RETRY_SECONDS, Math.ceil(waitedMs / 2000), Math.ceil(leftMs / 1000)));
}
