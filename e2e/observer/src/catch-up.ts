import type { KubeList, KubeObject } from '@kuperator/api';

/** What a watch has delivered so far. `resourceVersion` may be behind the object that is being told of right now. */
export type Watched = { list(): readonly KubeObject[]; resourceVersion(): bigint };

/** Whether a watch has delivered everything up to a list of the same objects, deletions too. Pure. */
export function hasCaughtUp(watched: Watched, { items, metadata }: KubeList<KubeObject>): boolean {
  const held = watched.list();
  const delivered = watched.resourceVersion();
  const versions = new Map(held.map((object) => [object.metadata.uid, versionOf(object)]));
  const listed = new Set(items.map((item) => item.metadata.uid));
  const listedAt = BigInt(metadata.resourceVersion ?? '0');
  return (
    // What is listed and not held although the watch is past its version was deleted since.
    items.every((item) => versionOf(item) <= delivered || versionOf(item) <= (versions.get(item.metadata.uid) ?? 0n)) &&
    held.every((object) => listed.has(object.metadata.uid) || versionOf(object) > listedAt)
  );
}

function versionOf(object: KubeObject): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
