import type { Pod } from '@kuperator/api';
import type { ActionKind } from '../plan/action.ts';

/** The result of writing one action. */
export type Written = {
  /** The value of the operation's labels, in Unix nanoseconds. */
  readonly nanos?: string;
  /** The Pod in the API server's answer; undefined if it is gone. */
  readonly pod?: Pod | undefined;
  /** The kind of action that was written instead, because this one was refused. */
  readonly insteadAs?: ActionKind;
  /** True if nothing was written, because there was nothing to write or the write was refused. */
  readonly isSkipped?: true;
};

export const DONE: Written = {};
export const SKIPPED: Written = { isSkipped: true };
