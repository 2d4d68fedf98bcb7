import type { Holding } from './holding.ts';
import type { Progress } from './progress.ts';

/** What a replica remembers about its reports on a set. Times are those of the monotonic clock. */
export type TellMemory = {
  /** Event reasons of waits that were already reported and continue. */
  readonly waits: Set<string>;
  /** What the Pods waited for when this was last computed. */
  holding: { readonly atMs: number; readonly value: Holding } | undefined;
  progress: Progress | undefined;
  statusWrittenMs: number;
  /** When the status first differed from the stored one; undefined while it does not differ. */
  statusChangedMs: number | undefined;
  /** The content of the last `settled` event. */
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
