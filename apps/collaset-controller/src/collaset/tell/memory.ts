import type { Holding } from './holding.ts';
import type { Progress } from './progress.ts';

/** What a replica remembers of its reports about a set. Times are those of the monotonic clock. */
export type TellMemory = {
  /** Reasons of waits that were recorded as Events and go on. */
  readonly waits: Set<string>;
  /** Who held the Pods when that was last looked at. */
  holding: { readonly atMs: number; readonly value: Holding } | undefined;
  progress: Progress | undefined;
  statusWrittenMs: number;
  /** Since when there is a status to write; undefined while the stored one holds. */
  statusChangedMs: number | undefined;
  /** What the last `settled` event reported. */
  settled: string | undefined;
};

export function newTellMemory(): TellMemory {
  return {
    waits: new Set(),
    holding: undefined,
    progress: undefined,
    statusWrittenMs: Number.NEGATIVE_INFINITY,
    statusChangedMs: undefined,
    settled: undefined,
  };
}
