import type { CollaSet } from '@kuperator/api';
import { ConflictError } from '@kuperator/runtime';
import type { Deps } from '../act/deps.ts';
import { messageOf } from './conditions.ts';

/** An Event for a write that failed, unless it was only decided on a stale cache: then it is tried again at once. */
export function warnOf({ recorder }: Pick<Deps, 'recorder'>, set: CollaSet, reason: string, error: unknown): void {
  if (!(error instanceof ConflictError)) recorder.warn(set, reason, messageOf([error]));
}
