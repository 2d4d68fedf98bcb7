import type { CollaSet, Pod } from '@kuperator/api';
import { incarnationOf, type Pool } from './instance-id.ts';
import { instanceIdOf, isSequence, type Members } from './members.ts';
import { podNameFor } from './pod-name.ts';

/**
 * Active Pods whose instance id another active Pod holds: a replica that was cut off from the cluster for long may have sent its last
 * creation when another had long taken over. The Pod the ResourceContext's incarnation names stays, or else the oldest.
 */
export function doublesOf(set: CollaSet, members: Members, pool: Pool): ReadonlySet<Pod> {
  const doubles = new Set<Pod>();
  if (isSequence(set)) return doubles;
  const holders = new Map<number, Pod>();
  for (const pod of members.active) {
    const id = instanceIdOf(pod);
    if (id === undefined) continue;
    const holder = holders.get(id);
    if (!holder) {
      holders.set(id, pod);
      continue;
    }
    const name = podNameFor(set, id, incarnationOf(pool.own.get(id)));
    const stays = staying(holder, pod, name);
    holders.set(id, stays);
    doubles.add(stays === pod ? holder : pod);
  }
  return doubles;
}

function staying(a: Pod, b: Pod, name: string): Pod {
  if (a.metadata.name === name || b.metadata.name === name) return a.metadata.name === name ? a : b;
  const [older, younger] =
    (a.metadata.creationTimestamp ?? '') <= (b.metadata.creationTimestamp ?? '') ? [a, b] : [b, a];
  return older ?? younger ?? a;
}
