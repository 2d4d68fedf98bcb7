// How many Pods a set can have: each has an entry in one ResourceContext, and etcd stores no larger object than 1.5 MiB.
import { type CollaSet, contextNameOf, MAX_REPLICAS, replicasOf } from '@kuperator/api';
import { type EntryData, INCARNATION, idsOf, OWNER, type Pool, RECREATE_UPDATE, REVISION } from './instance-id.ts';
import type { Members } from './members.ts';

/** Of 1.5 MiB, less what is around the entries. `managedFields` are not among it: context-writes.ts leaves large contexts without. */
const CONTEXT_BYTES = 1_450_000;
/** So many entries fit, however long the names in them. */
const ALWAYS_FIT = 2000;

/** Of the Pods that are missing, those that can be created, and why not the others. */
export type Capacity = { readonly missing: number; readonly beyond?: string };

export type CapacityInput = {
  readonly set: CollaSet;
  readonly pool: Pool;
  readonly members: Members;
  /** Pods that are missing. */
  readonly missing: number;
  /** Name of the updated revision, which the entries of new Pods hold. */
  readonly revision: string;
};

/** The part of `missing` that a set has room for. A set stored with more replicas than the definition allows keeps the Pods it has. */
export function capacityFor(input: CapacityInput): Capacity {
  const { set, members, missing } = input;
  if (missing === 0) return { missing };
  const allowed = Math.max(0, Math.min(missing, MAX_REPLICAS - members.counted.length));
  const fitting = Math.min(allowed, roomFor(allowed, input));
  if (fitting === missing) return { missing };
  const left = `${missing - fitting} of ${replicasOf(set)} Pods are not created`;
  const mend = 'ask for fewer replicas, or divide them among several sets';
  const beyond =
    fitting === allowed
      ? `${left}: a CollaSet has ${MAX_REPLICAS} Pods at most; ${mend}`
      : `${left}: their instance ids have no room in ResourceContext ${contextNameOf(set)}, of which etcd stores 1.5 MiB; ${mend} with a context each`;
  return { missing: fitting, beyond };
}

/** For how many of `wanted` Pods the context has an entry, or room for one. */
function roomFor(wanted: number, { set, pool, members, revision }: CapacityInput): number {
  if (pool.own.size + pool.foreign.size + wanted <= ALWAYS_FIT) return wanted;
  const occupied = idsOf(members.occupying);
  const idle = [...pool.own.keys()].filter((id) => !occupied.has(id)).length;
  // As large as it gets, while its Pod is made anew: a set that can be created must be possible to update.
  const mark = { [RECREATE_UPDATE]: 'true', [INCARNATION]: '9' };
  const entryBytes = (id: number, data: EntryData = {}) =>
    JSON.stringify({ id, data: { ...data, ...mark } }).length + 1;
  let used = 0;
  for (const [id, data] of pool.own) used += entryBytes(id, data);
  for (const { id, data } of pool.foreign.values()) used += entryBytes(id, data);
  const one = entryBytes(MAX_REPLICAS, { [OWNER]: set.metadata.name ?? '', [REVISION]: revision });
  return idle + Math.max(0, Math.floor((CONTEXT_BYTES - used) / one));
}
