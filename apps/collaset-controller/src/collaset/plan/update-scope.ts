import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  conditionOf,
  isReady,
  type Pod,
  partitionOf,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  replicasOf,
  UPDATE_INCLUDED_LABEL,
  updatesByLabel,
} from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import { instanceIdOf, revisionNameOf } from '../ids/members.ts';
import type { Revision } from '../revision/revision-data.ts';
import { newestFirst } from './scale.ts';

/** The operation type of updates. */
export const UPDATE = 'update';

export type Placeholder = { readonly id: number; readonly revision: string | undefined };

type ScopeInput = {
  readonly set: CollaSet;
  readonly pods: readonly Pod[];
  readonly placeholders: readonly Placeholder[];
  readonly updated: Revision;
  /** Why the API server refuses the updated template; undefined if it does not. */
  readonly held: string | undefined;
};

type Slot = { pod: Pod | undefined; id: number; isUpdated: boolean };
type Scope = { readonly pods: ReadonlySet<Pod>; readonly placeholders: ReadonlySet<number> };

/**
 * Chooses the Pods, and the ids without a Pod, that should be at the updated revision. `partition` of the replicas stay at their revision
 * (T1, T2). Pods that are already updated or being updated are chosen first, so each pass makes the same choice, and a lower partition only
 * adds to it. A higher partition does not roll back any Pod (T9b).
 */
export function scopeOf({ set, pods, placeholders, updated, held }: ScopeInput): Scope {
  if (set.spec.paused || held !== undefined) return { pods: new Set(), placeholders: new Set() };
  if (updatesByLabel(set)) {
    const labelled = pods.filter((pod) => pod.metadata.labels?.[UPDATE_INCLUDED_LABEL] !== undefined);
    return { pods: new Set(labelled), placeholders: new Set() };
  }
  const slots: Slot[] = [
    ...pods.map((pod) => ({
      pod,
      id: instanceIdOf(pod) ?? Number.MAX_SAFE_INTEGER,
      isUpdated: revisionNameOf(pod) === updated.name,
    })),
    ...placeholders.map(({ id, revision }) => ({ pod: undefined, id, isUpdated: revision === updated.name })),
  ];
  const partition = partitionOf(set);
  const wanted = partition === 0 ? slots.length : Math.max(0, replicasOf(set) - partition);
  const chosen = wanted >= slots.length ? slots : updatedFirst(slots).slice(0, wanted);
  return {
    pods: new Set(chosen.flatMap(({ pod }) => pod ?? [])),
    placeholders: new Set(chosen.flatMap(({ pod, id }) => (pod ? [] : [id]))),
  };
}

function isUnderWay(pod: Pod): boolean {
  const isBeingReplaced = pod.metadata.labels?.[REPLACED_BY_REPLACE_UPDATE_LABEL] !== undefined;
  return isBeingReplaced || hasOperation(pod, COLLASET_OPERATION_ID, UPDATE);
}

/** Sorts Pods so that those that are updated first come first. Pods that are not ready come before ready ones (T5). */
function updatedFirst(slots: readonly Slot[]): readonly Slot[] {
  const rank = (slot: Slot) => ({
    slot,
    updated: slot.isUpdated ? 0 : 1,
    operating: slot.pod && isUnderWay(slot.pod) ? 0 : 1,
    real: slot.pod ? 0 : 1,
    ready: slot.pod && isReady(slot.pod) ? 1 : 0,
    readySince: (slot.pod && conditionOf(slot.pod, 'Ready')?.lastTransitionTime) ?? '',
    created: slot.pod?.metadata.creationTimestamp ?? '',
  });
  return slots
    .map(rank)
    .sort(
      (a, b) =>
        a.updated - b.updated ||
        a.operating - b.operating ||
        a.real - b.real ||
        a.ready - b.ready ||
        (a.ready === 1 ? newestFirst(a.readySince, b.readySince) : 0) ||
        newestFirst(a.created, b.created) ||
        b.slot.id - a.slot.id,
    )
    .map(({ slot }) => slot);
}
