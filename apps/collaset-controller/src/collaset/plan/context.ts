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

/** A Pod to create for an instance id, after the ResourceContext records it. */
export type Creation = {
  readonly id: number;
  readonly name: string;
  readonly revision: string;
  /** The id never had a Pod. */
  readonly isNew: boolean;
  /** The context records an earlier Pod of this id. The creation is safe only if the Pod cache has seen that Pod's deletion. */
  readonly needsPods: boolean;
  /**
   * The creation continues an earlier attempt, perhaps of another replica. It is safe only if the cached context is the latest version.
   */
  readonly needsContext: boolean;
  /** The Pod that the new Pod replaces. */
  readonly origin?: Pod;
};

/** What the instance id of a replacement Pod is for. */
export type Replacement = {
  readonly origin: Pod;
  readonly revision: string;
  /** This pass allocates the id. */
  readonly isFresh: boolean;
};

export type ContextPlan = {
  /** The desired entries of the context, sorted by id. They include the entries of other sets. */
  readonly entries: readonly ContextEntry[];
  /** `needed`: write before any Pod is touched. `tidy`: the write can wait for the next needed one, or until the set is idle. */
  readonly change: 'none' | 'tidy' | 'needed';
  readonly creations: readonly Creation[];
  /**
   * Ids of included Pods for which the context records an earlier Pod. The inclusion is safe only if the Pod cache has seen that Pod's
   * deletion.
   */
  readonly reused: readonly number[];
  /** Ids that their entries record as given up by the set. An entry stays until the claims of its id are gone. */
  readonly ended: ReadonlySet<number>;
};

const NOTHING: ContextPlan = { entries: [], change: 'none', creations: [], reused: [], ended: new Set() };

export type ContextInput = {
  readonly set: CollaSet;
  readonly pool: Pool;
  readonly members: Members;
  /** Pods whose id belongs to another Pod. */
  readonly doubles: ReadonlySet<Pod>;
  /** Ids to create Pods for, without the ids of replacement Pods. */
  readonly create: readonly number[];
  /** Replacement Pods to create, by their ids. */
  readonly replacements: ReadonlyMap<number, Replacement>;
  /** Pods that the set takes over. */
  readonly included: readonly Inclusion[];
  /** The ids in `create` that this pass allocates, and their revisions. */
  readonly fresh: ReadonlyMap<number, string>;
  readonly surplus: ReadonlySet<Pod>;
  /** Pods to update, and how. */
  readonly pending: ReadonlyMap<Pod, { readonly mode: 'in-place' | 'recreate' | 'replace' }>;
  /** Ids without a Pod that are in the scope of the update. */
  readonly updatedIds: ReadonlySet<number>;
  readonly updated: string;
  readonly isKnownRevision: (name: string) => boolean;
  /** Ids whose last creation the API server refused because of the template. */
  readonly refused: ReadonlySet<number>;
  /** True for a name that no new Pod can have, because a Pod has it, or had it when the controller last tried to create one. */
  readonly isNameTaken: (name: string) => boolean;
  /** Ids for which the set has claims. */
  readonly claimed: ReadonlySet<number>;
  /** Ids that must wait for their next Pod, and what to record about Pods that ended. */
  readonly ended: Pick<EndedPlan, 'held' | 'records'>;
};

/** Plans the entries of the set in the ResourceContext, and the Pods that can be created once these are recorded. Pure. */
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
    // Record the count of ended Pods before the Pod is deleted, because the count is derived from the Pod.
    if (data[ENDED] !== pool.own.get(id)?.[ENDED] && !isActive(pod)) urgent.add(id);
    // Record an id that a Pod has and the context does not, or the id could be allocated a second time.
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
  // DELETE_SERVED must go as soon as the name leaves podToDelete, or a user who lists the name again gets no new Pod.
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
 * Keeps the entries of given-up ids that still have claims to delete, and marks these entries as scaled in. The entry is the only proof
 * that the set gave the id up and did not retain the claims from an earlier set.
 * @param desired receives the entries that stay
 * @returns the ids whose entries already record that the set gave them up
 */
function keepEnded({ set, pool, claimed }: ContextInput, desired: Map<number, EntryData>): ReadonlySet<number> {
  const ended = new Set<number>();
  for (const [id, data] of pool.own) {
    if (desired.has(id) || !claimed.has(id)) continue;
    // The claims of a replaced instance are deleted even under `whenScaled: Retain`.
    const isReplaced = REPLACE_NEW_ID in data || REPLACE_ORIGIN_ID in data;
    if (!isReplaced && retainsClaims(set, 'whenScaled')) continue;
    if (isReplaced || SCALE_IN_MARK in data) ended.add(id);
    desired.set(id, { ...data, [SCALE_IN_MARK]: 'true' });
  }
  return ended;
}

/** The references between the two entries of each replace pair whose Pods both have an id. */
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
    // With sequence names, the name does not tell whether the Pod is new. It need not, because two Pods cannot have the same name.
    const isOtherName = isSequence(set) || podNameFor(set, id, incarnationOf(before)) !== pod.metadata.name;
    if (!wasMarked || !isOtherName) data[INCARNATION] = String(nextIncarnation(input, id, incarnationOf(before) + 1));
  }
  return withServed(input, data, { name: pod.metadata.name ?? '', isRenewed: false });
}

/** The entry of an id whose Pod ends or terminates. With sequence names, that Pod still occupies the name of the next one. */
function leftEntry(input: ContextInput, id: number, pod: Pod): EntryData {
  const data = copyWithout(input.pool.own.get(id), SCALE_IN_MARK, ...PAIR_KEYS);
  data[OWNER] = input.set.metadata.name ?? '';
  if (input.updatedIds.has(id)) data[REVISION] = input.updated;
  if (data[REVISION] === undefined) data[REVISION] = revisionNameOf(pod) ?? input.updated;
  if (input.surplus.has(pod)) data[SCALE_IN_MARK] = 'true';
  recordEnded(input, id, data);
  return data;
}

/** Records how many Pods of the id ended. The count starts again at another revision, whose Pods may run. */
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
  // A newly allocated id starts with an empty entry, even if an earlier entry for the number is left.
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
  // If the API server refuses the recorded revision, use the updated one. Otherwise the id could never get a Pod.
  const isRefused = !replacement && input.refused.has(id) && (JUST_CREATE in data || RECREATE_UPDATE in data);
  if (input.updatedIds.has(id) || isRefused || revision === undefined || !input.isKnownRevision(revision)) {
    revision = updated;
  }
  data[REVISION] = revision;
  recordEnded(input, id, data);
  // These creations are safe without a fresh read, because any earlier Pod of the id would have the same name.
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
  return { data: withServed(input, data, { name, isRenewed: true }), creation };
}

/** The first incarnation, starting at `from`, whose name is free. With sequence names, the name never changes. */
function nextIncarnation(input: ContextInput, id: number, from: number): number {
  if (isSequence(input.set)) return from;
  let incarnation = from;
  while (input.isNameTaken(podNameFor(input.set, id, incarnation))) incarnation++;
  return incarnation;
}

/** With sequence names, the new Pod has the name that podToDelete lists. The entry records that it must not be deleted again. */
function withServed(
  { set }: ContextInput,
  data: Record<string, string>,
  { name, isRenewed }: { name: string; isRenewed: boolean },
): EntryData {
  const isNamed = set.spec.scaleStrategy?.podToDelete?.includes(name) ?? false;
  if (!isNamed) delete data[DELETE_SERVED];
  else if (isRenewed && isSequence(set)) data[DELETE_SERVED] = 'true';
  return data;
}

/** The ResourceContext to create if the set has none. */
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
