import type { CollaSet } from '@kuperator/api';
import { ConflictError } from '@kuperator/runtime';
import type { Deps } from './deps.ts';
import { failureText } from './failure-text.ts';

/** Records an Event for a failed write. A conflict needs none, because the write is retried immediately. */
export function warnOf(
  { recorder }: Pick<Deps, 'recorder'>,
  set: CollaSet,
  { reason, error }: { readonly reason: string; readonly error: unknown },
): void {
  if (!(error instanceof ConflictError)) recorder.warn(set, reason, failureText([error]));
}
