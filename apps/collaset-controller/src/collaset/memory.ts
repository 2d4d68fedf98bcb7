import type { CollaSet, Key } from '@kuperator/api';
import type { Trial } from './dry-run.ts';
import { newWindow, type Window } from './lane.ts';
import type { Progress } from './progress.ts';

/**
 * What a replica remembers of a set between passes. Only to spare work: everything is decided from the API server's objects, and a
 * replica that starts with an empty memory comes to the same end.
 */
export type SetMemory = {
  readonly uid: string;
  generation: number;
  /** Ids whose last creation was refused as Forbidden or Invalid. */
  readonly refused: Set<number>;
  /** Refusals told as Events. */
  readonly told: Set<string>;
  /** Reasons of waits that were told as Events and go on. */
  readonly waits: Set<string>;
  /** Names that turned out to be taken by Pods the cache does not hold. */
  readonly takenNames: Set<string>;
  /**
   * Pods (by uid) that turned out to be newer than the cache, with the cached resourceVersion and when: until the cache moves on, a
   * write would only be refused again.
   */
  readonly behind: Map<string, { readonly version: string | undefined; readonly atMs: number }>;
  /** Pods (by uid) whose resize the API server refused, and why. */
  readonly refusedResizes: Map<string, string>;
  /** resourceVersion of the ResourceContext as we wrote or read it ourselves: no cache can be behind that. */
  contextVersion: string | undefined;
  /** How wide each lane of writes has become. */
  readonly windows: {
    readonly create: Window;
    readonly scaleIn: Window;
    readonly update: Window;
    readonly others: Window;
  };
  creationFailures: number;
  /** No creation is tried before; by the monotonic clock. */
  createAfterMs: number;
  /** Whether the API server takes the template of the revision asked for last. */
  trial: Trial | undefined;
  progress: Progress | undefined;
  statusWrittenMs: number;
  /** Since when there is a status to write; undefined while the stored one holds. */
  statusChangedMs: number | undefined;
  contextTidiedMs: number;
  /** What the last `settled` event said. */
  settled: string | undefined;
};

export class Memories {
  readonly #memories = new Map<Key, SetMemory>();

  of(key: Key, set: CollaSet): SetMemory {
    const uid = set.metadata.uid ?? '';
    let memory = this.#memories.get(key);
    if (memory?.uid !== uid) {
      memory = {
        uid,
        generation: -1,
        refused: new Set(),
        told: new Set(),
        waits: new Set(),
        takenNames: new Set(),
        behind: new Map(),
        refusedResizes: new Map(),
        contextVersion: undefined,
        windows: { create: newWindow(), scaleIn: newWindow(), update: newWindow(), others: newWindow() },
        creationFailures: 0,
        createAfterMs: Number.NEGATIVE_INFINITY,
        trial: undefined,
        progress: undefined,
        statusWrittenMs: Number.NEGATIVE_INFINITY,
        statusChangedMs: undefined,
        contextTidiedMs: Number.NEGATIVE_INFINITY,
        settled: undefined,
      };
      this.#memories.set(key, memory);
    }
    if (memory.generation !== (set.metadata.generation ?? 0)) {
      memory.generation = set.metadata.generation ?? 0;
      // The user may have mended what was wrong.
      memory.told.clear();
      memory.refusedResizes.clear();
      memory.creationFailures = 0;
      memory.createAfterMs = Number.NEGATIVE_INFINITY;
    }
    return memory;
  }

  forget(key: Key): void {
    this.#memories.delete(key);
  }
}
