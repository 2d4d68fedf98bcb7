import type { Pod } from '@kuperator/api';
import type { ActionKind } from '../plan/action.ts';

/** What came of the write of one action. */
export type Written = {
  /** The value of the operation's labels, unix nanoseconds. */
  readonly nanos?: string;
  /** The Pod as it was answered; undefined when it is gone. */
  readonly pod?: Pod | undefined;
  /** The action was refused, and this one was written in its place. */
  readonly insteadAs?: ActionKind;
  /** Nothing was written: there was nothing to write, or it was refused. */
  readonly isSkipped?: true;
};

export const DONE: Written = {};
export const SKIPPED: Written = { isSkipped: true };
