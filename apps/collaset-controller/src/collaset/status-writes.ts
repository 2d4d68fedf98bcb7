import { COLLA_SETS, type CollaSet, type CollaSetStatus } from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import type { Deps } from './deps.ts';
import type { SetMemory } from './memory.ts';
import { statusChange } from './status.ts';

const NOT_FOUND_MS = 5000;

/**
 * Writes the status if it is another: news, and all of a set that has settled, at once; other figures at most every `statusIntervalMs`,
 * and texts alone, which follow every mood of kubelets and rules, ten times as seldom.
 * @returns how long to wait with what was not written
 */
export async function writeStatus(
  deps: Deps,
  set: CollaSet,
  status: CollaSetStatus,
  isSettled: boolean,
  memory: SetMemory,
): Promise<number | undefined> {
  const change = statusChange(set.status, status);
  if (change === 'none') return undefined;
  const now = deps.clock.monotonic();
  const intervalMs = deps.settings.statusIntervalMs * (change === 'texts' ? 10 : 1);
  const waitMs = memory.statusWrittenMs + intervalMs - now;
  if (change !== 'news' && !isSettled && waitMs > 0) return waitMs;
  const { namespace, name = '', resourceVersion } = set.metadata;
  deps.metrics.wrote('status');
  memory.statusWrittenMs = now;
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
