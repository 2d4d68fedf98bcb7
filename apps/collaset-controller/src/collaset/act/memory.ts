import type { CollaSet, Key, Pod } from '@kuperator/api';
import { type Knowledge, type Sighting, sightingOf } from '../plan/in-place-end.ts';
import type { Refusal } from '../plan/refusal.ts';
import type { Holding } from '../tell/holding.ts';
import type { Progress } from '../tell/progress.ts';
import type { Completions } from './completion.ts';
import type { Trial } from './dry-run.ts';
import { newWindow, type Window } from './lane.ts';

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
  /** Updates that were refused, by the uid of their Pod. */
  readonly refusals: Map<string, Refusal>;
  /** Of Pods whose update is tried again: how it was refused the last time. */
  readonly retried: Map<string, Refusal>;
  /** Since when writes to a Pod that is out of service fail, and when the last one did; by the monotonic clock. */
  readonly troubles: Map<string, { readonly sinceMs: number; readonly lastMs: number }>;
  /** What was seen of Pods that are being changed in place, by their uid. */
  readonly sightings: Map<string, Sighting>;
  /** Records of changes, by the uid of their Pod, for which the resize was written. */
  readonly answered: Map<string, string>;
  /** Ownership of the set for which the next three hold. Whoever had the set in between may have written unseen. */
  term: number;
  /** resourceVersion of the ResourceContext as we wrote or read it ourselves: no cache can be behind that. */
  contextVersion: string | undefined;
  /** The set's Pods were listed afresh: every Pod since then is a creation of ours. */
  sawPods: boolean;
  /** The set's claims were listed afresh: every claim since then is a creation of ours. */
  sawClaims: boolean;
  /** When claims were last about to be deleted. */
  claimsCheckedMs: number;
  /** Unused claims (by uid) that a Pod outside the cache mounts, and when to look again. */
  readonly heldClaims: Map<string, number>;
  /** Claims (by uid) of which an Event told, with the reason. */
  readonly toldClaims: Set<string>;
  /** How wide each lane of writes has become. */
  readonly windows: {
    readonly create: Window;
    readonly scaleIn: Window;
    readonly update: Window;
    readonly others: Window;
  };
  creationFailures: number;
  /** Why the last creation was refused, until one succeeds or the user asks for something else. */
  creationRefusal: CreationRefusal | undefined;
  /** Who held the Pods when that was last looked at, by the monotonic clock. */
  holding: { readonly atMs: number; readonly value: Holding } | undefined;
  /** No creation is tried before; by the monotonic clock. */
  createAfterMs: number;
  /** Whether the API server takes the template of the revision asked for last. */
  trial: Trial | undefined;
  /** What the API server made of the newest templates. */
  readonly completions: Completions;
  progress: Progress | undefined;
  statusWrittenMs: number;
  /** Since when there is a status to write; undefined while the stored one holds. */
  statusChangedMs: number | undefined;
  contextTidiedMs: number;
  /** What the last `settled` event said. */
  settled: string | undefined;
};

export type CreationRefusal = {
  readonly message: string;
  /** The template is refused: nothing changes until the user mends it. */
  readonly isFinal: boolean;
};

export class Memories {
  readonly #memories = new Map<Key, SetMemory>();

  /** @param term ownership of the set in which the pass runs */
  of(key: Key, set: CollaSet, term: number): SetMemory {
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
        refusals: new Map(),
        retried: new Map(),
        troubles: new Map(),
        sightings: new Map(),
        answered: new Map(),
        term,
        contextVersion: undefined,
        sawPods: false,
        sawClaims: false,
        claimsCheckedMs: Number.NEGATIVE_INFINITY,
        heldClaims: new Map(),
        toldClaims: new Set(),
        windows: { create: newWindow(), scaleIn: newWindow(), update: newWindow(), others: newWindow() },
        creationFailures: 0,
        creationRefusal: undefined,
        holding: undefined,
        createAfterMs: Number.NEGATIVE_INFINITY,
        trial: undefined,
        completions: new Map(),
        progress: undefined,
        statusWrittenMs: Number.NEGATIVE_INFINITY,
        statusChangedMs: undefined,
        contextTidiedMs: Number.NEGATIVE_INFINITY,
        settled: undefined,
      };
      this.#memories.set(key, memory);
    }
    if (memory.term !== term) {
      memory.term = term;
      memory.contextVersion = undefined;
      memory.sawPods = false;
      memory.sawClaims = false;
    }
    if (memory.generation !== (set.metadata.generation ?? 0)) {
      memory.generation = set.metadata.generation ?? 0;
      // The user may have mended what was wrong.
      memory.told.clear();
      memory.refusals.clear();
      memory.retried.clear();
      memory.creationFailures = 0;
      memory.creationRefusal = undefined;
      memory.createAfterMs = Number.NEGATIVE_INFINITY;
    }
    return memory;
  }

  forget(key: Key): void {
    this.#memories.delete(key);
  }
}

/** Looks at the set's Pods: what is seen of those being changed is kept, what is remembered of those that are gone is forgotten. */
export function lookAt(memory: SetMemory, owned: readonly Pod[], nowMs: number): void {
  for (const pod of owned) {
    const { uid = '' } = pod.metadata;
    const seen = sightingOf(pod, memory.sightings.get(uid), nowMs);
    if (seen) memory.sightings.set(uid, seen);
    else memory.sightings.delete(uid);
  }
  const present = new Set(owned.map(({ metadata }) => metadata.uid));
  const { refusals, retried, troubles, sightings, answered } = memory;
  for (const remembered of [refusals, retried, troubles, sightings, answered]) {
    for (const uid of remembered.keys()) if (!present.has(uid)) remembered.delete(uid);
  }
}

/** What is known of a Pod that is being changed in place. */
export function knowledgeOf(memory: SetMemory, { metadata }: Pod, nowMs: number): Knowledge {
  const uid = metadata.uid ?? '';
  return { sighting: memory.sightings.get(uid), answered: memory.answered.get(uid), nowMs };
}
