import type { Pod } from '@kuperator/api';
import { type LaneWindow, newLaneWindow } from '@kuperator/runtime';
import { type Knowledge, type Sighting, sightingOf } from '../plan/in-place-end.ts';
import type { Refusal } from '../plan/refusal.ts';
import type { Completions } from './completion.ts';
import type { Trial } from './dry-run.ts';

/** What a replica remembers of its writes to a set. */
export type ActMemory = {
  /** Ids whose last creation the API server refused as Forbidden or Invalid. */
  readonly refused: Set<number>;
  /** Facts about the present generation of the set that were already reported as Events. */
  readonly told: Set<string>;
  /** Names that Pods outside the cache have. */
  readonly takenNames: Set<string>;
  /**
   * Pods whose cached version is stale, by uid: the cached resourceVersion and when a write was refused for it. Until the cache has a newer
   * version, another write would be refused too.
   */
  readonly behind: Map<string, { readonly version: string | undefined; readonly atMs: number }>;
  /** Refused updates, by the uid of their Pod. */
  readonly refusals: Map<string, Refusal>;
  /** The last refusal of updates that are being retried, by the uid of their Pod. */
  readonly retried: Map<string, Refusal>;
  /** Times of the first and the last failure in a row of writes to a Pod that is out of service, by the monotonic clock. */
  readonly troubles: Map<string, { readonly sinceMs: number; readonly lastMs: number }>;
  /** Sightings of Pods that are being changed in place, by their uid. */
  readonly sightings: Map<string, Sighting>;
  /** Records of changes whose resizes were written, by the uid of their Pod. */
  readonly answered: Map<string, string>;
  /** The term in which the next three values are valid. In another term, another replica may have written without our notice. */
  term: number;
  /** resourceVersion of the ResourceContext that this replica wrote or read itself; undefined if it has to be read. */
  contextVersion: string | undefined;
  /** True after a fresh list of the set's Pods in this term. Only this replica has created Pods since then. */
  sawPods: boolean;
  /** True after a fresh list of the set's claims in this term. Only this replica has created claims since then. */
  sawClaims: boolean;
  /** When the controller last checked whether claims may be deleted. */
  claimsCheckedMs: number;
  /** When to check again the unused claims that a Pod outside the cache mounts, by uid of the claim. */
  readonly heldClaims: Map<string, number>;
  /** Facts about claims that were already reported as Events: uid and reason. */
  readonly toldClaims: Set<string>;
  /** The window of each lane. */
  readonly windows: {
    readonly create: LaneWindow;
    readonly 'scale-in': LaneWindow;
    readonly update: LaneWindow;
    readonly others: LaneWindow;
  };
  /** How often the name of a new revision was already taken, as far as this replica knows. The status records it as well. */
  collisionCount: number;
  creationFailures: number;
  /** Why the last creation failed, until a creation succeeds or the user changes the set. */
  creationRefusal: CreationRefusal | undefined;
  /** When the next creation may be tried, by the monotonic clock. */
  createAfterMs: number;
  /** The last dry run of a revision's template. */
  trial: Trial | undefined;
  /** The API server's completions of the newest templates. */
  readonly completions: Completions;
  contextTidiedMs: number;
};

export type CreationRefusal = {
  readonly message: string;
  /** True if the template is refused, so that only the user can resolve the failure. */
  readonly isFinal: boolean;
};

/** @param term the term in which the pass runs, see `Deps.term` */
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
    windows: { create: newLaneWindow(), 'scale-in': newLaneWindow(), update: newLaneWindow(), others: newLaneWindow() },
    collisionCount: 0,
    creationFailures: 0,
    creationRefusal: undefined,
    createAfterMs: Number.NEGATIVE_INFINITY,
    trial: undefined,
    completions: new Map(),
    contextTidiedMs: Number.NEGATIVE_INFINITY,
  };
}

/** Forgets what another replica may have changed since the last term. */
export function beginTerm(memory: ActMemory, term: number): void {
  memory.term = term;
  memory.contextVersion = undefined;
  memory.sawPods = false;
  memory.sawClaims = false;
}

/** Forgets failures, because the user changed the set and may have resolved them. */
export function beginGeneration(memory: ActMemory): void {
  memory.told.clear();
  memory.refusals.clear();
  memory.retried.clear();
  memory.creationFailures = 0;
  memory.creationRefusal = undefined;
  memory.createAfterMs = Number.NEGATIVE_INFINITY;
}

/** Updates the sightings of Pods that are being changed in place, and forgets Pods that are gone. */
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

/** What the process knows about a Pod that is being changed in place. */
export function knowledgeOf(memory: ActMemory, { metadata }: Pod, nowMs: number): Knowledge {
  const uid = metadata.uid ?? '';
  return { sighting: memory.sightings.get(uid), answered: memory.answered.get(uid), nowMs };
}
