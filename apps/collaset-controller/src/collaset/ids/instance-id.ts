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

/** Keys of an entry's data. Where not said otherwise the value is `true`. */
export const OWNER = 'Owner';
export const REVISION = 'Revision';
/** The id was allocated and its first Pod is not known to exist. */
export const JUST_CREATE = 'PodJustCreate';
/** An update makes the id's Pod anew, and the new one is not known to exist. */
export const RECREATE_UPDATE = 'PodRecreateUpdate';
/** The id's Pod was lost and is made anew at its own revision, and the new one is not known to exist. Ours. */
export const RECREATE = 'PodRecreate';
/** The id goes when its Pod has gone. */
export const SCALE_IN_MARK = 'ScaleIn';
/** Decimal count of the Pods the id has had before this one; part of the Pod's name. Ours. */
export const INCARNATION = 'Incarnation';
/** The Pod named in podToDelete was made anew under the same name: the entry in the list is served. Ours. */
export const DELETE_SERVED = 'PodToDeleteServed';

/** How many Pods of the id ended one soon after another, and the uid of the last of them: `3/<uid>`. Ours. */
export const ENDED = 'PodsEnded';

/** A Pod of this uid is being taken into the set under the id. Ours. */
export const INCLUDE = 'PodInclude';
/** In the entry of an origin: the id of the Pod that is to take its place. Decimal. */
export const REPLACE_NEW_ID = 'ReplaceNewPodID';
/** In the entry of the Pod that is to take another's place: the id of that other. Decimal. */
export const REPLACE_ORIGIN_ID = 'ReplaceOriginPodID';

/** A ResourceContext as one of the sets that share it sees it. */
export type Pool = {
  readonly own: ReadonlyMap<number, EntryData>;
  /** Entries of other sets: taken, and kept as they are (T53). */
  readonly foreign: ReadonlyMap<number, ContextEntry>;
  /** True when entries of an earlier set of the same name were left out: they are nobody's. */
  readonly hasLeftovers: boolean;
};

/** Annotation of a ResourceContext: JSON from the names of its owners to their uids, since entries name their owner only. Ours. */
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

/** The uids noted of the context's owners, by name; none of those the Go implementation wrote. */
function ownerUidsOf(context: ResourceContext | undefined): Record<string, unknown> {
  try {
    const uids: unknown = JSON.parse(context?.metadata.annotations?.[OWNER_UIDS_ANNOTATION] ?? '{}');
    return typeof uids === 'object' && uids !== null ? (uids as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The annotation for a context with these entries: this set's uid is noted, and nobody's that has none of them. */
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

export function isMarked(data: EntryData | undefined): boolean {
  return data !== undefined && (JUST_CREATE in data || RECREATE_UPDATE in data || RECREATE in data);
}

export function incarnationOf(data: EntryData | undefined): number {
  const count = Number(data?.[INCARNATION] ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/**
 * Ids for which Pods are missing: owned ids without a Pod first, then the lowest free ones; ascending.
 * @param reserved ids that Pods bring with them
 */
export function chooseIds(
  pool: Pool,
  members: Members,
  missing: number,
  reserved: ReadonlySet<number> = new Set(),
): readonly number[] {
  if (missing === 0) return [];
  const occupied = idsOf(members.occupying);
  const chosen = [...pool.own]
    .filter(([id, data]) => isIdle(id, data, occupied) && !reserved.has(id))
    // An origin's id before that of the Pod that was to take its place: the claims of the latter are the newer ones.
    .sort(([a, one], [b, other]) => Number(REPLACE_ORIGIN_ID in one) - Number(REPLACE_ORIGIN_ID in other) || a - b)
    .map(([id]) => id)
    .slice(0, missing);
  return [...chosen, ...freeIds(pool, occupied, [...reserved, ...chosen], missing - chosen.length)].sort(
    (a, b) => a - b,
  );
}

/** The lowest ids nobody has or will get. */
export function freeIds(
  pool: Pool,
  occupied: ReadonlySet<number>,
  chosen: readonly number[],
  count: number,
): readonly number[] {
  const own = [...pool.own].filter(([, data]) => data[SCALE_IN_MARK] === undefined).map(([id]) => id);
  const taken = new Set([...occupied, ...pool.foreign.keys(), ...own, ...chosen]);
  const free: number[] = [];
  for (let id = 0; free.length < count; id++) if (!taken.has(id)) free.push(id);
  return free;
}

/** No Pod has the id, and it is the set's to give a Pod to. */
function isIdle(id: number, data: EntryData, occupied: ReadonlySet<number>): boolean {
  return !occupied.has(id) && data[SCALE_IN_MARK] === undefined && !isOfPair(data, occupied);
}

/** One id of a pair while the other one has a Pod: an origin's that was replaced, or a new Pod's that its origin waits for. */
export function isOfPair(data: EntryData | undefined, occupied: ReadonlySet<number>): boolean {
  const partner = data?.[REPLACE_NEW_ID] ?? data?.[REPLACE_ORIGIN_ID];
  return partner !== undefined && occupied.has(Number(partner));
}

/** Ids of Pods. */
export function idsOf(pods: readonly Pod[]): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const pod of pods) {
    const id = instanceIdOf(pod);
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/**
 * Revision of ids that are allocated now (T10): the highest of them are born at the updated revision, as many as the partition still
 * asks for; the others at the current one.
 * @param kept revisions recorded for the ids that stay
 */
export function freshRevisions(
  set: CollaSet,
  fresh: readonly number[],
  kept: readonly (string | undefined)[],
  { updated, current }: { updated: string; current: string },
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
