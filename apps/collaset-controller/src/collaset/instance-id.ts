import {
  type CollaSet,
  type ContextEntry,
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

/** A ResourceContext as one of the sets that share it sees it. */
export type Pool = {
  readonly own: ReadonlyMap<number, EntryData>;
  /** Entries of other sets: taken, and kept as they are (T53). */
  readonly foreign: ReadonlyMap<number, ContextEntry>;
};

export function poolOf(set: CollaSet, context: ResourceContext | undefined): Pool {
  const own = new Map<number, EntryData>();
  const foreign = new Map<number, ContextEntry>();
  for (const entry of context?.spec?.contexts ?? []) {
    if (entry.data && entry.data[OWNER] === set.metadata.name) own.set(entry.id, entry.data);
    else foreign.set(entry.id, entry);
  }
  return { own, foreign };
}

export function isMarked(data: EntryData | undefined): boolean {
  return data !== undefined && (JUST_CREATE in data || RECREATE_UPDATE in data || RECREATE in data);
}

export function incarnationOf(data: EntryData | undefined): number {
  const count = Number(data?.[INCARNATION] ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** Ids for which Pods are missing: owned ids without a Pod first, then the lowest free ones; ascending. */
export function chooseIds(pool: Pool, members: Members, missing: number): readonly number[] {
  if (missing === 0) return [];
  const occupied = idsOf(members);
  const idle = [...pool.own].filter(([id, data]) => !occupied.has(id) && data[SCALE_IN_MARK] === undefined);
  const chosen = idle
    .map(([id]) => id)
    .sort((a, b) => a - b)
    .slice(0, missing);
  const taken = new Set([...occupied, ...pool.foreign.keys(), ...chosen]);
  for (let id = 0; chosen.length < missing; id++) if (!taken.has(id)) chosen.push(id);
  return chosen.sort((a, b) => a - b);
}

/** Ids whose place is held by a Pod. */
export function idsOf(members: Members): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const pod of members.occupying) {
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
