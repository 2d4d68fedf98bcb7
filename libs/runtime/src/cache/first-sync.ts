import type { Clock } from '../process/clock.ts';

/** The part of an informer that says whether its first list is complete, and what is wrong with its watch. */
export type Syncing = {
  readonly resource: { readonly plural: string };
  hasSynced(): boolean;
  problem(): string | undefined;
  waitForSync(signal?: AbortSignal): Promise<void>;
};

/** Thrown when the caches did not receive their initial state in time; the message names each kind and the cause. */
export class SyncTimeoutError extends Error {
  override readonly name = 'SyncTimeoutError';
}

/** True once the first list of an informer is complete, or why it is not, for a person. */
export function syncState(informer: Pick<Syncing, 'hasSynced' | 'problem'>): true | string {
  if (informer.hasSynced()) return true;
  const problem = informer.problem();
  return `the first list is not complete${problem === undefined ? '' : `: ${problem}`}`;
}

/**
 * Resolves once every informer has its initial state.
 * @throws SyncTimeoutError when that takes longer than `timeoutMs`
 * @throws the reason of `signal` as soon as it aborts
 */
export async function waitForFirstSync(options: {
  informers: readonly Syncing[];
  timeoutMs: number;
  clock: Pick<Clock, 'setTimeout'>;
  signal: AbortSignal;
}): Promise<void> {
  const { informers, timeoutMs, clock, signal } = options;
  const limit = new AbortController();
  const cancel = clock.setTimeout(() => limit.abort(timeoutError(informers, timeoutMs)), timeoutMs);
  const either = AbortSignal.any([signal, limit.signal]);
  try {
    await Promise.all(informers.map((informer) => informer.waitForSync(either)));
  } finally {
    cancel();
  }
}

function timeoutError(informers: readonly Syncing[], timeoutMs: number): SyncTimeoutError {
  const missing = informers
    .filter((informer) => !informer.hasSynced())
    .map((informer) => `${informer.resource.plural}: ${syncState(informer)}`);
  return new SyncTimeoutError(`caches without their initial state after ${timeoutMs / 1000} s: ${missing.join('; ')}`);
}
