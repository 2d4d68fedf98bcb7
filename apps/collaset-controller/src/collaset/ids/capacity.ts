// The size of a set is limited: each Pod has an entry in one ResourceContext, and etcd does not store objects larger than 1.5 MiB.
import { type CollaSet, contextNameOf, MAX_REPLICAS, replicasOf } from '@kuperator/api';
import { type EntryData, INCARNATION, idsOf, OWNER, type Pool, RECREATE_UPDATE, REVISION } from './instance-id.ts';
import type { Members } from './members.ts';

/** Room for entries: 1.5 MiB less the other fields. Large contexts have no `managedFields`, see context-writes.ts. */
const CONTEXT_BYTES = 1_450_000;
/** This many entries fit, however long the names in them are. */
const ALWAYS_FIT = 2000;

/** How many of the missing Pods can be created, and why the others cannot. */
type Capacity = { readonly missing: number; readonly beyond?: string };

type CapacityInput = {
  readonly set: CollaSet;
  readonly pool: Pool;
  readonly members: Members;
  /** How many Pods the set lacks. */
  readonly missing: number;
  /** Name of the updated revision, which the entries of new Pods contain. */
  readonly revision: string;
};

/** How many of the missing Pods the set has room for. A set that was stored with more replicas than allowed keeps its Pods. */
export function capacityFor(input: CapacityInput): Capacity {
  const { set, members, missing } = input;
  if (missing === 0) return { missing };
  const allowed = Math.max(0, Math.min(missing, MAX_REPLICAS - members.counted.length));
  const fitting = Math.min(allowed, roomFor(allowed, input));
  if (fitting === missing) return { missing };
  const left = `${missing - fitting} of ${replicasOf(set)} Pods are not created`;
  const remedy = 'reduce spec.replicas, or divide the Pods among several sets';
  const beyond =
    fitting === allowed
      ? `${left}: a CollaSet can have at most ${MAX_REPLICAS} Pods; ${remedy}`
      : `${left}: ResourceContext ${contextNameOf(set)} has no room for their instance ids, because etcd limits it to 1.5 MiB; ${remedy} with one context each`;
  return { missing: fitting, beyond };
}

/** The number of `wanted` Pods for which the context has an entry, or room for one. */
function roomFor(wanted: number, { set, pool, members, revision }: CapacityInput): number {
  if (pool.own.size + pool.foreign.size + wanted <= ALWAYS_FIT) return wanted;
  const occupied = idsOf(members.occupying);
  const idle = [...pool.own.keys()].filter((id) => !occupied.has(id)).length;
  // An entry is largest while its Pod is recreated. Count that size, so that every set that can be created can also be updated.
  const mark = { [RECREATE_UPDATE]: 'true', [INCARNATION]: '9' };
  const entryBytes = (id: number, data: EntryData = {}) =>
    JSON.stringify({ id, data: { ...data, ...mark } }).length + 1;
  let used = 0;
  for (const [id, data] of pool.own) used += entryBytes(id, data);
  for (const { id, data } of pool.foreign.values()) used += entryBytes(id, data);
  const one = entryBytes(MAX_REPLICAS, { [OWNER]: set.metadata.name ?? '', [REVISION]: revision });
  return idle + Math.max(0, Math.floor((CONTEXT_BYTES - used) / one));
}
