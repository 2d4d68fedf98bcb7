import type { CollaSet, Pod } from '@kuperator/api';
import { incarnationOf, type Pool } from './instance-id.ts';
import { instanceIdOf, isSequence, type Members } from './members.ts';
import { podNameFor } from './pod-name.ts';

/**
 * Active Pods whose instance id belongs to another active Pod. This happens if a replica of the controller was cut off from the cluster
 * and sent its last creation after another replica had taken over. The Pod that the incarnation in the ResourceContext names keeps the
 * id, or else the oldest Pod.
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
    const stays = keeperOf(holder, pod, name);
    holders.set(id, stays);
    doubles.add(stays === pod ? holder : pod);
  }
  return doubles;
}

/** The Pod that keeps the instance id. */
function keeperOf(a: Pod, b: Pod, name: string): Pod {
  if (a.metadata.name === name || b.metadata.name === name) return a.metadata.name === name ? a : b;
  const [older, younger] =
    (a.metadata.creationTimestamp ?? '') <= (b.metadata.creationTimestamp ?? '') ? [a, b] : [b, a];
  return older ?? younger ?? a;
}
