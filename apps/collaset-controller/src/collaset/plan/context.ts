import {
  apiVersionOf,
  type CollaSet,
  type ContextEntry,
  contextNameOf,
  own,
  type Pod,
  RESOURCE_CONTEXTS,
  type ResourceContext,
  retainsClaims,
} from '@kuperator/api';
import {
  DELETE_SERVED,
  ENDED,
  type EntryData,
  INCARNATION,
  INCLUDE,
  incarnationOf,
  isMarked,
  JUST_CREATE,
  OWNER,
  OWNER_UIDS_ANNOTATION,
  ownerUidsWith,
  type Pool,
  RECREATE,
  RECREATE_UPDATE,
  REPLACE_NEW_ID,
  REPLACE_ORIGIN_ID,
  REVISION,
  SCALE_IN_MARK,
} from '../ids/instance-id.ts';
import { instanceIdOf, isActive, isSequence, type Members, revisionNameOf } from '../ids/members.ts';
import { podNameFor } from '../ids/pod-name.ts';
import type { EndedPlan } from './ended.ts';
import type { Inclusion } from './include.ts';

/** A Pod to create for an instance id, once the context says so. */
export type Creation = {
  readonly id: number;
  readonly name: string;
  readonly revision: string;
  /** The id never had a Pod. */
  readonly isNew: boolean;
  /** Where the context says that the id had a Pod: rests on the Pod cache having seen it go. */
  readonly needsPods: boolean;
  /** Where an earlier attempt, maybe another replica's, is gone on with: rests on the context being the latest. */
  readonly needsContext: boolean;
  /** The Pod whose place the new one is to take. */
  readonly origin?: Pod;
};

/** The instance id of a Pod that is to take another's place. */
export type Replacement = {
  readonly origin: Pod;
  readonly revision: string;
  /** The id is allocated now. */
  readonly isFresh: boolean;
};

export type ContextPlan = {
  /** The context's entries as they should be, other sets' included, by id. */
  readonly entries: readonly ContextEntry[];
  /** `needed`: to be written before any Pod is touched; `tidy`: can wait for the next needed write, or a quiet moment. */
  readonly change: 'none' | 'tidy' | 'needed';
  readonly creations: readonly Creation[];
  /** Ids that Pods bring with them, of which the context says that they had a Pod: rest on the Pod cache having seen it go. */
  readonly reused: readonly number[];
  /** Ids that the set has given up, as their entries say. The entries stay until the claims of the ids are gone. */
  readonly ended: ReadonlySet<number>;
};

const NOTHING: ContextPlan = { entries: [], change: 'none', creations: [], reused: [], ended: new Set() };

export type ContextInput = {
  readonly set: CollaSet;
  readonly pool: Pool;
  readonly members: Members;
  /** Pods whose id another Pod holds. */
  readonly doubles: ReadonlySet<Pod>;
  /** Ids to create Pods for, those of replacements left out. */
  readonly create: readonly number[];
  /** Pods to create that are to take the place of others, by their ids. */
  readonly replacements: ReadonlyMap<number, Replacement>;
  /** Pods that are taken into the set. */
  readonly included: readonly Inclusion[];
  /** Revisions of those among them that are allocated now. */
  readonly fresh: ReadonlyMap<number, string>;
  readonly surplus: ReadonlySet<Pod>;
  /** Pods to be updated, and whether by making them anew. */
  readonly pending: ReadonlyMap<Pod, { readonly mode: 'in-place' | 'recreate' | 'replace' }>;
  /** Ids without a Pod that are in the update's scope. */
  readonly updatedIds: ReadonlySet<number>;
  readonly updated: string;
  readonly isKnownRevision: (name: string) => boolean;
  /** Ids whose last creation the API server refused because of what the template says. */
  readonly refused: ReadonlySet<number>;
  /** True for names no new Pod can have: a Pod with it exists, or existed when we last tried. */
  readonly isNameTaken: (name: string) => boolean;
  /** Ids of which the set has claims. */
  readonly claimed: ReadonlySet<number>;
  /** Ids that must wait for their next Pod, and what is to be recorded of Pods that ended. */
  readonly ended: Pick<EndedPlan, 'held' | 'records'>;
};

/** What the ResourceContext should record of the set's instance ids, and what it allows to create. */
export function planContext(input: ContextInput): ContextPlan {
  const { set, pool, members } = input;
  if (set.spec.paused) return NOTHING;
  const desired = new Map<number, EntryData>();
  const create = [...input.create, ...input.replacements.keys()].toSorted((a, b) => a - b);
  const urgent = new Set<number>([...create, ...input.included.map(({ id }) => id)]);
  const partners = partnersOf(input);
  for (const pod of members.occupying) {
    const id = instanceIdOf(pod);
    if (id === undefined || pool.foreign.has(id) || desired.has(id) || input.doubles.has(pod)) continue;
    const data = isActive(pod) ? occupiedEntry(input, id, pod) : leftEntry(input, id, pod);
    desired.set(id, { ...data, ...partners.get(id) });
    // The Pod is deleted next, and what it tells of the others before it with it.
    if (data[ENDED] !== pool.own.get(id)?.[ENDED] && !isActive(pod)) urgent.add(id);
    // An id that is on a Pod but not on record could be given away.
    if (!pool.own.has(id) || input.surplus.has(pod) || input.pending.has(pod)) urgent.add(id);
  }
  for (const { pod, id } of input.included) desired.set(id, includedEntry(input, id, pod));
  const creations: Creation[] = [];
  for (const id of create) {
    const before = pool.own.get(id);
    if (before && input.ended.held.has(id)) {
      desired.set(id, before);
      continue;
    }
    const { data, creation } = vacantEntry(input, id);
    desired.set(id, data);
    creations.push(creation);
  }
  const ended = keepEnded(input, desired);
  // Named again, the Pod is to be made anew again: the mark of the last time must not outlive its name in the list.
  for (const [id, data] of desired) {
    if (pool.own.get(id)?.[DELETE_SERVED] !== undefined && data[DELETE_SERVED] === undefined) urgent.add(id);
  }
  const changed = [...new Set([...pool.own.keys(), ...desired.keys()])].filter(
    (id) => !sameData(pool.own.get(id), desired.get(id)),
  );
  const isTidy = changed.length === 0 && !pool.hasLeftovers;
  const change = isTidy ? 'none' : changed.some((id) => urgent.has(id)) ? 'needed' : 'tidy';
  const reused = input.included.map(({ id }) => id).filter((id) => pool.own.has(id));
  const own = [...desired].map(([id, data]): ContextEntry => ({ id, data: { ...data } }));
  const entries = [...pool.foreign.values(), ...own].toSorted((a, b) => a.id - b.id);
  return { entries, change, creations, reused, ended };
}

/**
 * Ids that end and have claims to delete keep their entries, marked as scaled in: the entry is the only proof that the set gave the id
 * up, and that its claims were not retained from an earlier set.
 * @param desired gets the entries that stay
 * @returns the ids of which that is on record already
 */
function keepEnded({ set, pool, claimed }: ContextInput, desired: Map<number, EntryData>): ReadonlySet<number> {
  const ended = new Set<number>();
  for (const [id, data] of pool.own) {
    if (desired.has(id) || !claimed.has(id)) continue;
    // An id that ends with a replacement loses its claims even under `whenScaled: Retain`.
    const isReplaced = REPLACE_NEW_ID in data || REPLACE_ORIGIN_ID in data;
    if (!isReplaced && retainsClaims(set, 'whenScaled')) continue;
    if (isReplaced || SCALE_IN_MARK in data) ended.add(id);
    desired.set(id, { ...data, [SCALE_IN_MARK]: 'true' });
  }
  return ended;
}

/** The ids of pairs say of each other, once each has one. */
function partnersOf({ members, replacements }: ContextInput): ReadonlyMap<number, EntryData> {
  const partners = new Map<number, EntryData>();
  const pair = (origin: number | undefined, successor: number | undefined) => {
    if (origin === undefined || successor === undefined) return;
    partners.set(origin, { [REPLACE_NEW_ID]: String(successor) });
    partners.set(successor, { [REPLACE_ORIGIN_ID]: String(origin) });
  };
  for (const [origin, successor] of members.successors) pair(instanceIdOf(origin), instanceIdOf(successor));
  for (const [id, { origin }] of replacements) pair(instanceIdOf(origin), id);
  return partners;
}

function includedEntry({ set, pool, updated }: ContextInput, id: number, pod: Pod): EntryData {
  const data = copyWithout(pool.own.get(id), SCALE_IN_MARK, DELETE_SERVED);
  const revision = revisionNameOf(pod) ?? updated;
  return { ...data, [OWNER]: set.metadata.name ?? '', [REVISION]: revision, [INCLUDE]: pod.metadata.uid ?? '' };
}

const PAIR_KEYS = [REPLACE_NEW_ID, REPLACE_ORIGIN_ID];

function occupiedEntry(input: ContextInput, id: number, pod: Pod): EntryData {
  const { set, pool, pending, surplus, updated } = input;
  const before = pool.own.get(id);
  const data = copyWithout(before, JUST_CREATE, RECREATE, RECREATE_UPDATE, SCALE_IN_MARK, INCLUDE, ...PAIR_KEYS);
  const wasMarked = before?.[RECREATE_UPDATE] !== undefined;
  data[OWNER] = set.metadata.name ?? '';
  const transition = pending.get(pod);
  const own = revisionNameOf(pod);
  if (transition) data[REVISION] = updated;
  else if (!surplus.has(pod) && own !== undefined && input.isKnownRevision(own)) data[REVISION] = own;
  if (data[REVISION] === undefined) data[REVISION] = own ?? updated;
  recordEnded(input, id, data);
  if (surplus.has(pod)) data[SCALE_IN_MARK] = 'true';
  if (transition?.mode === 'recreate') {
    data[RECREATE_UPDATE] = 'true';
    // By sequence the name says nothing, and need not: it cannot exist twice.
    const isOtherName = isSequence(set) || podNameFor(set, id, incarnationOf(before)) !== pod.metadata.name;
    if (!wasMarked || !isOtherName) data[INCARNATION] = String(nextIncarnation(input, id, incarnationOf(before) + 1));
  }
  return withServed(input, data, pod.metadata.name ?? '');
}

/** By sequence a Pod on its way out holds the place of the next one, for which the entry is kept. */
function leftEntry(input: ContextInput, id: number, pod: Pod): EntryData {
  const data = copyWithout(input.pool.own.get(id), SCALE_IN_MARK, ...PAIR_KEYS);
  data[OWNER] = input.set.metadata.name ?? '';
  if (input.updatedIds.has(id)) data[REVISION] = input.updated;
  if (data[REVISION] === undefined) data[REVISION] = revisionNameOf(pod) ?? input.updated;
  if (input.surplus.has(pod)) data[SCALE_IN_MARK] = 'true';
  recordEnded(input, id, data);
  return data;
}

/** What ended at another revision says nothing of this one. */
function recordEnded({ ended, pool }: ContextInput, id: number, data: Record<string, string>): void {
  const record = ended.records.get(id);
  if (record !== undefined) data[ENDED] = record;
  else if (data[REVISION] !== pool.own.get(id)?.[REVISION]) delete data[ENDED];
}

function vacantEntry(input: ContextInput, id: number): { data: EntryData; creation: Creation } {
  const { set, pool, updated } = input;
  const before = pool.own.get(id);
  const replacement = input.replacements.get(id);
  const isFresh = replacement?.isFresh ?? input.fresh.has(id);
  // A fresh id begins anew, whatever an earlier owner of the number left.
  const data: Record<string, string> = isFresh ? {} : copyWithout(before, SCALE_IN_MARK, INCLUDE, ...PAIR_KEYS);
  const originId = replacement && instanceIdOf(replacement.origin);
  if (originId !== undefined) data[REPLACE_ORIGIN_ID] = String(originId);
  data[OWNER] = set.metadata.name ?? '';
  const wasMarked = !isFresh && isMarked(before);
  if (isFresh) data[JUST_CREATE] = 'true';
  else if (!wasMarked) data[RECREATE] = 'true';
  const count = incarnationOf(data);
  const incarnation = nextIncarnation(input, id, isFresh || wasMarked ? count : count + 1);
  if (incarnation > 0) data[INCARNATION] = String(incarnation);
  const name = podNameFor(set, id, incarnation);

  let revision = replacement?.revision ?? (isFresh ? input.fresh.get(id) : data[REVISION]);
  // A template the API server refuses would hold the id for ever: its next Pod follows the set's present one.
  const isRefused = !replacement && input.refused.has(id) && (JUST_CREATE in data || RECREATE_UPDATE in data);
  if (input.updatedIds.has(id) || isRefused || revision === undefined || !input.isKnownRevision(revision)) {
    revision = updated;
  }
  data[REVISION] = revision;
  recordEnded(input, id, data);
  // A first Pod can exist under this name only; so can one that was lost, once that was seen.
  const isSafeByName = isSequence(set) || before === undefined || (wasMarked && before[RECREATE_UPDATE] === undefined);
  const creation: Creation = {
    id,
    name,
    revision,
    isNew: JUST_CREATE in data || replacement !== undefined,
    needsPods: !isSafeByName,
    needsContext: !isSequence(set) && wasMarked && incarnation === count,
    ...(replacement ? { origin: replacement.origin } : {}),
  };
  return { data: withServed(input, data, name, true), creation };
}

/** The first incarnation from `from` on whose name is free; by sequence the name never changes. */
function nextIncarnation(input: ContextInput, id: number, from: number): number {
  if (isSequence(input.set)) return from;
  let incarnation = from;
  while (input.isNameTaken(podNameFor(input.set, id, incarnation))) incarnation++;
  return incarnation;
}

/** By sequence the new Pod has the name of the one that podToDelete names, and must not be deleted again. */
function withServed({ set }: ContextInput, data: Record<string, string>, name: string, isRenewed = false): EntryData {
  const isNamed = set.spec.scaleStrategy?.podToDelete?.includes(name) ?? false;
  if (!isNamed) delete data[DELETE_SERVED];
  else if (isRenewed && isSequence(set)) data[DELETE_SERVED] = 'true';
  return data;
}

/** The ResourceContext to create where there is none. */
export function contextFor(set: CollaSet, contexts: readonly ContextEntry[]): ResourceContext {
  return {
    apiVersion: apiVersionOf(RESOURCE_CONTEXTS),
    kind: RESOURCE_CONTEXTS.kind,
    metadata: {
      name: contextNameOf(set),
      annotations: { [OWNER_UIDS_ANNOTATION]: ownerUidsWith(set, undefined, contexts) },
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
    },
    spec: { contexts: [...contexts] },
  };
}

function copyWithout(data: EntryData | undefined, ...keys: readonly string[]): Record<string, string> {
  const copy = { ...data };
  for (const key of keys) delete copy[key];
  return copy;
}

function sameData(a: EntryData | undefined, b: EntryData | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => own(a, key) === own(b, key));
}
