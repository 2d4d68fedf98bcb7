import { controllerOf, INSTANCE_ID_LABEL, isTerminating, keyOf } from '@kuperator/api';
import type { Sighting } from './sighting.ts';

/** Two Pods of one CollaSet that had the same instance id at the same time, from `version` on. */
export type DoubledInstance = {
  readonly set: string;
  readonly id: string;
  readonly pods: readonly string[];
  readonly version: bigint;
};

/** Every moment at which an instance id had a second Pod. Terminating Pods do not count. Pure. */
export function doubledInstances({ pods }: Sighting): readonly DoubledInstance[] {
  const holders = new Map<string, Map<string, string>>();
  const doubled: DoubledInstance[] = [];
  // A watch delivers in the order of the versions.
  for (const { version, pod, gone } of pods) {
    const { uid = '', labels } = pod.metadata;
    const owner = controllerOf(pod);
    const id = labels?.[INSTANCE_ID_LABEL];
    if (!owner || id === undefined) continue;
    const place = `${owner.uid} ${id}`;
    const held = holders.get(place) ?? new Map<string, string>();
    holders.set(place, held);
    if (gone || isTerminating(pod)) {
      held.delete(uid);
    } else if (!held.has(uid)) {
      held.set(uid, keyOf(pod));
      if (held.size > 1) doubled.push({ set: owner.name, id, pods: [...held.values()], version });
    }
  }
  return doubled;
}
