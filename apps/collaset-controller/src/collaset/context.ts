import {
  apiVersionOf,
  type CollaSet,
  type ContextEntry,
  contextNameOf,
  isTerminal,
  isTerminating,
  type Pod,
  RESOURCE_CONTEXTS,
  type ResourceContext,
} from '@kuperator/api';
import {
  DELETE_SERVED,
  type EntryData,
  INCARNATION,
  incarnationOf,
  isMarked,
  JUST_CREATE,
  OWNER,
  type Pool,
  RECREATE,
  RECREATE_UPDATE,
  REVISION,
  SCALE_IN_MARK,
} from './instance-id.ts';
import { instanceIdOf, isSequence, type Members, revisionNameOf } from './members.ts';
import { podNameFor } from './pod-name.ts';

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
};

export type ContextPlan = {
  /** The context's entries as they should be, other sets' included, by id. */
  readonly entries: readonly ContextEntry[];
  /** `needed`: to be written before any Pod is touched; `tidy`: can wait for the next needed write, or a quiet moment. */
  readonly change: 'none' | 'tidy' | 'needed';
  readonly creations: readonly Creation[];
};

const NOTHING: ContextPlan = { entries: [], change: 'none', creations: [] };

export type ContextInput = {
  readonly set: CollaSet;
  readonly pool: Pool;
  readonly members: Members;
  /** Pods whose id another Pod holds. */
  readonly doubles: ReadonlySet<Pod>;
  /** Ids to create Pods for. */
  readonly create: readonly number[];
  /** Revisions of those among them that are allocated now. */
  readonly fresh: ReadonlyMap<number, string>;
  readonly surplus: ReadonlySet<Pod>;
  /** Pods to be updated, and whether by making them anew. */
  readonly pending: ReadonlyMap<Pod, { readonly mode: 'in-place' | 'recreate' }>;
  /** Ids without a Pod that are in the update's scope. */
  readonly updatedIds: ReadonlySet<number>;
  readonly updated: string;
  readonly isKnownRevision: (name: string) => boolean;
  /** Ids whose last creation the API server refused because of what the template says. */
  readonly refused: ReadonlySet<number>;
  /** True for names no new Pod can have: a Pod with it exists, or existed when we last tried. */
  readonly isNameTaken: (name: string) => boolean;
};

/** What the ResourceContext should record of the set's instance ids, and what it allows to create. */
export function planContext(input: ContextInput): ContextPlan {
  const { set, pool, members } = input;
  if (set.spec.paused) return NOTHING;
  const desired = new Map<number, EntryData>();
  const urgent = new Set<number>(input.create);
  for (const pod of members.occupying) {
    const id = instanceIdOf(pod);
    if (id === undefined || pool.foreign.has(id) || desired.has(id) || input.doubles.has(pod)) continue;
    const isActive = !isTerminating(pod) && !isTerminal(pod);
    desired.set(id, isActive ? occupiedEntry(input, id, pod) : leftEntry(input, id, pod));
    // An id that is on a Pod but not on record could be given away.
    if (!pool.own.has(id) || input.surplus.has(pod) || input.pending.has(pod)) urgent.add(id);
  }
  const creations: Creation[] = [];
  for (const id of input.create) {
    const { data, creation } = vacantEntry(input, id);
    desired.set(id, data);
    creations.push(creation);
  }
  const changed = [...new Set([...pool.own.keys(), ...desired.keys()])].filter(
    (id) => !sameData(pool.own.get(id), desired.get(id)),
  );
  const change = changed.length === 0 ? 'none' : changed.some((id) => urgent.has(id)) ? 'needed' : 'tidy';
  const own = [...desired].map(([id, data]): ContextEntry => ({ id, data: { ...data } }));
  const entries = [...pool.foreign.values(), ...own].toSorted((a, b) => a.id - b.id);
  return { entries, change, creations };
}

function occupiedEntry(input: ContextInput, id: number, pod: Pod): EntryData {
  const { set, pool, pending, surplus, updated } = input;
  const before = pool.own.get(id);
  const data = copyWithout(before, JUST_CREATE, RECREATE, RECREATE_UPDATE, SCALE_IN_MARK);
  const wasMarked = before?.[RECREATE_UPDATE] !== undefined;
  data[OWNER] = set.metadata.name ?? '';
  const transition = pending.get(pod);
  const own = revisionNameOf(pod);
  if (transition) data[REVISION] = updated;
  else if (!surplus.has(pod) && own !== undefined && input.isKnownRevision(own)) data[REVISION] = own;
  if (data[REVISION] === undefined) data[REVISION] = own ?? updated;
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
  const data = copyWithout(input.pool.own.get(id), SCALE_IN_MARK);
  data[OWNER] = input.set.metadata.name ?? '';
  if (input.updatedIds.has(id)) data[REVISION] = input.updated;
  if (data[REVISION] === undefined) data[REVISION] = revisionNameOf(pod) ?? input.updated;
  if (input.surplus.has(pod)) data[SCALE_IN_MARK] = 'true';
  return data;
}

function vacantEntry(input: ContextInput, id: number): { data: EntryData; creation: Creation } {
  const { set, pool, updated } = input;
  const before = pool.own.get(id);
  const isFresh = input.fresh.has(id);
  // A fresh id begins anew, whatever an earlier owner of the number left.
  const data: Record<string, string> = isFresh ? {} : copyWithout(before, SCALE_IN_MARK);
  data[OWNER] = set.metadata.name ?? '';
  const wasMarked = !isFresh && isMarked(before);
  if (isFresh) data[JUST_CREATE] = 'true';
  else if (!wasMarked) data[RECREATE] = 'true';
  const count = incarnationOf(data);
  const incarnation = nextIncarnation(input, id, isFresh || wasMarked ? count : count + 1);
  if (incarnation > 0) data[INCARNATION] = String(incarnation);
  const name = podNameFor(set, id, incarnation);

  let revision = isFresh ? input.fresh.get(id) : data[REVISION];
  // A template the API server refuses would hold the id for ever: its next Pod follows the set's present one.
  const isRefused = input.refused.has(id) && (JUST_CREATE in data || RECREATE_UPDATE in data);
  if (input.updatedIds.has(id) || isRefused || revision === undefined || !input.isKnownRevision(revision)) {
    revision = updated;
  }
  data[REVISION] = revision;
  // A first Pod can exist under this name only; so can one that was lost, once that was seen.
  const isSafeByName = isSequence(set) || before === undefined || (wasMarked && before[RECREATE_UPDATE] === undefined);
  const creation: Creation = {
    id,
    name,
    revision,
    isNew: JUST_CREATE in data,
    needsPods: !isSafeByName,
    needsContext: !isSequence(set) && wasMarked && incarnation === count,
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
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
