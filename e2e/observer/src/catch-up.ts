import type { KubeList, KubeObject } from '@kuperator/api';

/** The state of a watch. `resourceVersion` may be older than the object that the watch is just delivering. */
export type Watched = { list(): readonly KubeObject[]; resourceVersion(): bigint };

/** Whether a watch has delivered everything up to a list of the same objects, including deletions. Pure. */
export function hasCaughtUp(watched: Watched, { items, metadata }: KubeList<KubeObject>): boolean {
  const held = watched.list();
  const delivered = watched.resourceVersion();
  const versions = new Map(held.map((object) => [object.metadata.uid, versionOf(object)]));
  const listed = new Set(items.map((item) => item.metadata.uid));
  const listedAt = BigInt(metadata.resourceVersion ?? '0');
  return (
    // If the watch is past the version of a listed object and does not have it, the object was deleted since.
    items.every((item) => versionOf(item) <= delivered || versionOf(item) <= (versions.get(item.metadata.uid) ?? 0n)) &&
    held.every((object) => listed.has(object.metadata.uid) || versionOf(object) > listedAt)
  );
}

function versionOf(object: KubeObject): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
