import { COLLA_SETS, type CollaSet, type CollaSetStatus } from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import type { Deps } from '../act/deps.ts';
import type { TellMemory } from './memory.ts';
import { statusChange } from './status.ts';

const NOT_FOUND_MS = 5000;

/** `settled`: nothing is left to do, so these are the last figures. `failed`: the pass came to no end, and may not be repeated. */
export type PassEnd = 'settled' | 'under-way' | 'failed';

/**
 * Writes the status if it is another. What somebody waits for goes at once: that a generation was seen, the last figures of a set that
 * has settled, why a pass failed. All else is written at most every `statusIntervalMs`, and only after half of that, since the changes of
 * a slow roll come in bunches. Texts alone, which follow every mood of kubelets and rules, are written ten times as seldom.
 * @returns how long to wait with what was not written
 */
export async function writeStatus(
  deps: Deps,
  set: CollaSet,
  status: CollaSetStatus,
  end: PassEnd,
  memory: TellMemory,
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
  // A failed pass comes back when its backoff says, so what it has to tell is not put off for others to join.
  const togetherMs = end === 'failed' ? 0 : statusIntervalMs / 2;
  const dueMs = Math.max(memory.statusWrittenMs + intervalMs, memory.statusChangedMs + togetherMs);
  if (!isAwaited && dueMs > now) return dueMs - now;
  const { namespace, name = '', resourceVersion } = set.metadata;
  deps.metrics.wrote('status');
  memory.statusWrittenMs = now;
  memory.statusChangedMs = undefined;
  try {
    const body = { metadata: { resourceVersion }, status };
    const patch = { type: 'merge', body } as const;
    deps.sets.observe(await deps.client.patch(COLLA_SETS, { namespace, name }, patch, { subresource: 'status' }));
  } catch (error) {
    // Gone meanwhile: nobody reads it any more. Where its definition is just being replaced, it is back soon.
    if (!(error instanceof NotFoundError)) throw error;
    return NOT_FOUND_MS;
  }
  return undefined;
}
