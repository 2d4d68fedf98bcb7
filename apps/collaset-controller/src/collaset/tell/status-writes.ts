import { COLLA_SETS, type CollaSet, type CollaSetStatus } from '@kuperator/api';
import { objectWriter } from '@kuperator/runtime';
import type { Deps } from '../act/deps.ts';
import type { TellMemory } from './memory.ts';
import { statusChange } from './status.ts';

const NOT_FOUND_MS = 5000;

/** `settled`: nothing is left to do, so the counts are final. `failed`: the pass failed, and may not run again soon. */
export type PassEnd = 'settled' | 'under-way' | 'failed';

type StatusWrite = {
  readonly status: CollaSetStatus;
  readonly end: PassEnd;
  /** Records when the status was written, and since when a change waits. */
  readonly memory: TellMemory;
};

/**
 * Writes the status if it has changed. It writes immediately what users wait for: that a generation was observed, the final counts of a
 * settled set, and why a pass failed. Other changes are written at most every `statusIntervalMs`, and not before half of that has passed,
 * because the changes of a rollout come in bursts. If only texts change, which happens often, the interval is ten times as long.
 * @returns the time until an unwritten change is due; undefined if there is none
 */
export async function writeStatus(
  deps: Deps,
  set: CollaSet,
  { status, end, memory }: StatusWrite,
): Promise<number | undefined> {
  const change = statusChange(set.status, status);
  const now = deps.clock.monotonic();
  if (change === 'none') {
    memory.statusChangedMs = undefined;
    return undefined;
  }
  memory.statusChangedMs ??= now;
  const isAwaited = change === 'news' || end === 'settled' || (change === 'conditions' && end === 'failed');
  const { statusIntervalMs } = deps.settings;
  const intervalMs = change === 'texts' ? 10 * statusIntervalMs : statusIntervalMs;
  // A failed pass runs again only after its back-off, so do not wait for further changes.
  const togetherMs = end === 'failed' ? 0 : statusIntervalMs / 2;
  const dueMs = Math.max(memory.statusWrittenMs + intervalMs, memory.statusChangedMs + togetherMs);
  if (!isAwaited && dueMs > now) return dueMs - now;
  deps.metrics.wrote('status');
  memory.statusWrittenMs = now;
  memory.statusChangedMs = undefined;
  const writer = objectWriter({ client: deps.client, resource: COLLA_SETS, cache: deps.sets });
  const written = await writer.patch(set, { body: { status }, subresource: 'status', keepsMissing: true });
  // The set is gone, or its definition is being replaced. In the second case the set is back soon, so check again.
  return written ? undefined : NOT_FOUND_MS;
}
