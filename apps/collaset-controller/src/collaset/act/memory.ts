import type { Pod } from '@kuperator/api';
import { type Knowledge, type Sighting, sightingOf } from '../plan/in-place-end.ts';
import type { Refusal } from '../plan/refusal.ts';
import type { Completions } from './completion.ts';
import type { Trial } from './dry-run.ts';
import { newWindow, type Window } from './lane.ts';

/** What a replica remembers of its writes to a set. */
export type ActMemory = {
  /** Ids whose last creation was refused as Forbidden or Invalid. */
  readonly refused: Set<number>;
  /** Facts about the set's present generation that were reported as Events. */
  readonly told: Set<string>;
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
  /** Facts about claims that were reported as Events: uid and reason. */
  readonly toldClaims: Set<string>;
  /** How wide each lane of writes has become. */
  readonly windows: {
    readonly create: Window;
    readonly 'scale-in': Window;
    readonly update: Window;
    readonly others: Window;
  };
  /** How often the name of a new revision was found taken, as far as this replica knows; the status has it as well. */
  collisionCount: number;
  creationFailures: number;
  /** Why the last creation was refused, until one succeeds or the user asks for something else. */
  creationRefusal: CreationRefusal | undefined;
  /** No creation is tried before; by the monotonic clock. */
  createAfterMs: number;
  /** Whether the API server takes the template of the revision asked for last. */
  trial: Trial | undefined;
  /** What the API server made of the newest templates. */
  readonly completions: Completions;
  contextTidiedMs: number;
};

export type CreationRefusal = {
  readonly message: string;
  /** The template is refused: nothing changes until the user mends it. */
  readonly isFinal: boolean;
};

/** @param term ownership of the set in which the pass runs */
export function newActMemory(term: number): ActMemory {
  return {
    refused: new Set(),
    told: new Set(),
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
    windows: { create: newWindow(), 'scale-in': newWindow(), update: newWindow(), others: newWindow() },
    collisionCount: 0,
    creationFailures: 0,
    creationRefusal: undefined,
    createAfterMs: Number.NEGATIVE_INFINITY,
    trial: undefined,
    completions: new Map(),
    contextTidiedMs: Number.NEGATIVE_INFINITY,
  };
}

/** Another replica may have had the set in between, and may have written what this one has not seen. */
export function beginTerm(memory: ActMemory, term: number): void {
  memory.term = term;
  memory.contextVersion = undefined;
  memory.sawPods = false;
  memory.sawClaims = false;
}

/** The user asks for something else, and may have mended what was wrong. */
export function beginGeneration(memory: ActMemory): void {
  memory.told.clear();
  memory.refusals.clear();
  memory.retried.clear();
  memory.creationFailures = 0;
  memory.creationRefusal = undefined;
  memory.createAfterMs = Number.NEGATIVE_INFINITY;
}

/** Looks at the set's Pods: what is seen of those being changed is kept, what is remembered of those that are gone is forgotten. */
export function lookAt(memory: ActMemory, owned: readonly Pod[], nowMs: number): void {
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
export function knowledgeOf(memory: ActMemory, { metadata }: Pod, nowMs: number): Knowledge {
  const uid = metadata.uid ?? '';
  return { sighting: memory.sightings.get(uid), answered: memory.answered.get(uid), nowMs };
}
