import type { CollaSet } from '@kuperator/api';
import { ConflictError } from '@kuperator/runtime';
import type { Deps } from './deps.ts';
import { failureText } from './failure-text.ts';

/** Records an Event for a write that failed. A write decided on a stale cache is retried at once and needs none. */
export function warnOf({ recorder }: Pick<Deps, 'recorder'>, set: CollaSet, reason: string, error: unknown): void {
  if (!(error instanceof ConflictError)) recorder.warn(set, reason, failureText([error]));
}
