import {
  type CollaSet,
  type ContextEntry,
  own,
  type Pod,
  partitionOf,
  type ResourceContext,
  replicasOf,
  updatesByLabel,
} from '@kuperator/api';
import { instanceIdOf, type Members } from './members.ts';

export type EntryData = Readonly<Record<string, string>>;

// Keys of an entry's data. If the comment does not say otherwise, the value is `true`. "Not in Go" means that the Go implementation does
// not write the key.
export const OWNER = 'Owner';
export const REVISION = 'Revision';
/** The id was allocated, and its first Pod may not exist yet. */
export const JUST_CREATE = 'PodJustCreate';
/** An update recreates the id's Pod, and the new Pod may not exist yet. */
export const RECREATE_UPDATE = 'PodRecreateUpdate';
/** The id's Pod was lost. It is recreated at its own revision, and the new Pod may not exist yet. Not in Go. */
export const RECREATE = 'PodRecreate';
/** The set gives up the id when its Pod is gone. */
export const SCALE_IN_MARK = 'ScaleIn';
/** The number of Pods that the id had before the present one, as a decimal. It is part of the Pod's name. Not in Go. */
export const INCARNATION = 'Incarnation';
/** The Pod in podToDelete was recreated under the same name, so its request is done. Not in Go. */
export const DELETE_SERVED = 'PodToDeleteServed';

/** How many Pods of the id ended soon after their start, and the uid of the last of them: `3/<uid>`. Not in Go. */
export const ENDED = 'PodsEnded';

/** The uid of a Pod that the set includes under the id. Not in Go. */
export const INCLUDE = 'PodInclude';
/** In the entry of an origin: the id of its successor, as a decimal. */
export const REPLACE_NEW_ID = 'ReplaceNewPodID';
/** In the entry of a successor: the id of its origin, as a decimal. */
export const REPLACE_ORIGIN_ID = 'ReplaceOriginPodID';

/** A ResourceContext from the point of view of one of the sets that share it. */
export type Pool = {
  /** Entries of the set. */
  readonly own: ReadonlyMap<number, EntryData>;
  /** Entries of other sets. Their ids are taken, and the entries must not change (T53). */
  readonly foreign: ReadonlyMap<number, ContextEntry>;
  /** True if the context has entries of an earlier set of the same name. They belong to no set and are removed. */
  readonly hasLeftovers: boolean;
};

/**
 * Annotation of a ResourceContext that maps the names of its owners to their uids, as JSON. It is needed because an entry only has the
 * name of its owner. The Go implementation does not write it.
 */
export const OWNER_UIDS_ANNOTATION = 'collaset.kusionstack.io/owner-uids';

export function poolOf(set: CollaSet, context: ResourceContext | undefined): Pool {
  const mine = new Map<number, EntryData>();
  const foreign = new Map<number, ContextEntry>();
  const uid = own(ownerUidsOf(context), set.metadata.name ?? '');
  const isLeftOver = uid !== undefined && uid !== set.metadata.uid;
  let hasLeftovers = false;
  for (const entry of context?.spec?.contexts ?? []) {
    if (entry.data?.[OWNER] !== set.metadata.name) foreign.set(entry.id, entry);
    else if (isLeftOver) hasLeftovers = true;
    else mine.set(entry.id, entry.data ?? {});
  }
  return { own: mine, foreign, hasLeftovers };
}

/** The recorded uids of the context's owners, by name; empty if the Go implementation wrote the context. */
function ownerUidsOf(context: ResourceContext | undefined): Record<string, unknown> {
  try {
    const uids: unknown = JSON.parse(context?.metadata.annotations?.[OWNER_UIDS_ANNOTATION] ?? '{}');
    return typeof uids === 'object' && uids !== null ? (uids as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The value of the annotation for a context with these entries. It has the uid of this set, and only of sets that own an entry. */
export function ownerUidsWith(
  set: CollaSet,
  context: ResourceContext | undefined,
  entries: readonly ContextEntry[],
): string {
  const known: Record<string, unknown> = { ...ownerUidsOf(context), [set.metadata.name ?? '']: set.metadata.uid };
  const owners = new Set(entries.map(({ data }) => data?.[OWNER] ?? ''));
  const noted = Object.entries(known).filter(([name, uid]) => owners.has(name) && uid);
  return JSON.stringify(Object.fromEntries(noted.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/** True if the entry records that a Pod is to be created for the id. */
export function isMarked(data: EntryData | undefined): boolean {
  return data !== undefined && (JUST_CREATE in data || RECREATE_UPDATE in data || RECREATE in data);
}

export function incarnationOf(data: EntryData | undefined): number {
  const count = Number(data?.[INCARNATION] ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

type ChooseIdsInput = {
  /** Number of Pods that get an id. */
  readonly missing: number;
  /** Ids of the Pods that the set includes. */
  readonly reserved?: ReadonlySet<number>;
};

/** Chooses the ids of missing Pods, in ascending order: the set's ids without a Pod first, then the lowest free ones. */
export function chooseIds(
  pool: Pool,
  members: Members,
  { missing, reserved = new Set() }: ChooseIdsInput,
): readonly number[] {
  if (missing === 0) return [];
  const occupied = idsOf(members.occupying);
  const chosen = [...pool.own]
    .filter(([id, data]) => isIdle(id, data, occupied) && !reserved.has(id))
    // Of a replace pair without Pods, choose the id of the origin before that of the successor, whose claims are newer.
    .sort(([a, one], [b, other]) => Number(REPLACE_ORIGIN_ID in one) - Number(REPLACE_ORIGIN_ID in other) || a - b)
    .map(([id]) => id)
    .slice(0, missing);
  const free = freeIds(pool, { occupied, chosen: [...reserved, ...chosen], count: missing - chosen.length });
  return [...chosen, ...free].sort((a, b) => a - b);
}

type FreeIdsInput = {
  /** Ids of the set's Pods. */
  readonly occupied: ReadonlySet<number>;
  /** Ids that Pods get in the same pass. */
  readonly chosen: readonly number[];
  readonly count: number;
};

/** The lowest ids that no Pod has or gets. */
export function freeIds(pool: Pool, { occupied, chosen, count }: FreeIdsInput): readonly number[] {
  const own = [...pool.own].filter(([, data]) => data[SCALE_IN_MARK] === undefined).map(([id]) => id);
  const taken = new Set([...occupied, ...pool.foreign.keys(), ...own, ...chosen]);
  const free: number[] = [];
  for (let id = 0; free.length < count; id++) if (!taken.has(id)) free.push(id);
  return free;
}

/** True if no Pod has the id and the set may create one for it. */
function isIdle(id: number, data: EntryData, occupied: ReadonlySet<number>): boolean {
  return !occupied.has(id) && data[SCALE_IN_MARK] === undefined && !isOfPair(data, occupied);
}

/** True if the id belongs to a replace pair and the other id of the pair has a Pod. */
function isOfPair(data: EntryData | undefined, occupied: ReadonlySet<number>): boolean {
  const partner = data?.[REPLACE_NEW_ID] ?? data?.[REPLACE_ORIGIN_ID];
  return partner !== undefined && occupied.has(Number(partner));
}

/** The instance ids of the Pods that have one. */
export function idsOf(pods: readonly Pod[]): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const pod of pods) {
    const id = instanceIdOf(pod);
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

type FreshRevisionsInput = {
  /** The newly allocated ids. */
  readonly fresh: readonly number[];
  /** Recorded revisions of the ids that stay. */
  readonly kept: readonly (string | undefined)[];
  /** Name of the updated revision. */
  readonly updated: string;
  /** Name of the current revision. */
  readonly current: string;
};

/**
 * Chooses the revisions of newly allocated ids (T10). The highest ids get the updated revision, as many as the partition still asks for. The
 * others get the current revision.
 */
export function freshRevisions(
  set: CollaSet,
  { fresh, kept, updated, current }: FreshRevisionsInput,
): ReadonlyMap<number, string> {
  const hasPartition = set.spec.updateStrategy?.rollingUpdate?.byPartition?.partition != null;
  let quota = Number.POSITIVE_INFINITY;
  if (updatesByLabel(set)) quota = 0;
  else if (hasPartition) {
    quota = replicasOf(set) - partitionOf(set) - kept.filter((revision) => revision === updated).length;
  }
  const highestFirst = fresh.toSorted((a, b) => b - a);
  return new Map(highestFirst.map((id, index) => [id, index < quota ? updated : current]));
}
