import {
  type CollaSet,
  type Pod,
  partitionOf,
  replicasOf,
  UPDATE_INCLUDED_LABEL,
  updatesByLabel,
} from '@kuperator/api';
import { isActive, revisionNameOf } from '../ids/members.ts';
import type { ActionOf } from './action.ts';
import type { Decisions } from './decisions.ts';

/** Lists the kinds of work that begin once the set is resumed. Empty if the set is not paused. Pure. */
export function planPaused(
  set: CollaSet,
  { members, exclude, include }: Decisions,
  updated: string,
): readonly ActionOf<'awaitResume'>[] {
  if (!set.spec.paused) return [];
  const old = members.counted.filter((pod) => isActive(pod) && revisionNameOf(pod) !== updated);
  const isWanted = ({ metadata }: Pod) => metadata.labels?.[UPDATE_INCLUDED_LABEL] !== undefined;
  const kept = updatesByLabel(set)
    ? old.filter((pod) => !isWanted(pod)).length
    : Math.min(partitionOf(set), old.length);
  const waits: ActionOf<'awaitResume'>[] = [];
  const isScalePaused = members.counted.length !== replicasOf(set) || exclude.now.size + include.pods.length > 0;
  if (isScalePaused) waits.push({ do: 'awaitResume', of: 'scale' });
  if (old.length > kept) waits.push({ do: 'awaitResume', of: 'update' });
  return waits;
}
