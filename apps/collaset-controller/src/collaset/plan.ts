import { type CollaSet, type Pod, type ResourceContext, replicasOf } from '@kuperator/api';
import { type ContextPlan, planContext } from './context.ts';
import { doublesOf } from './doubles.ts';
import { chooseIds, DELETE_SERVED, freshRevisions, idsOf, poolOf, REVISION, SCALE_IN_MARK } from './instance-id.ts';
import { instanceIdOf, isSequence, type Members, membersOf } from './members.ts';
import type { Revision } from './revision-data.ts';
import { planScale, type ScalePlan } from './scale.ts';
import { planUpdate, type UpdatePlan } from './update.ts';

export type Observed = {
  readonly set: CollaSet;
  readonly owned: readonly Pod[];
  readonly context: ResourceContext | undefined;
  readonly updated: Revision;
  /** Name of the revision the set is updated from. */
  readonly current: string;
  readonly revisions: ReadonlyMap<string, Revision>;
  readonly refused: ReadonlySet<number>;
  readonly isNameTaken: (name: string) => boolean;
  readonly nowMs: number;
};

/** All that one pass wants to do. */
export type Plan = {
  readonly members: Members;
  readonly scale: ScalePlan;
  readonly update: UpdatePlan;
  readonly context: ContextPlan;
};

/**
 * Decides a pass from what is observed. While a set is paused nothing is begun: operations under way are finished where a Pod was
 * changed and given back to service where not.
 */
export function planPass(observed: Observed): Plan {
  const { set, owned, context, updated, current, revisions, nowMs } = observed;
  const members = membersOf(set, owned);
  const pool = poolOf(set, context);
  const doubles = doublesOf(set, members, pool);
  const isServed = (pod: Pod) =>
    isSequence(set) && pool.own.get(instanceIdOf(pod) ?? -1)?.[DELETE_SERVED] !== undefined;
  const scale = planScale({ set, members, doubles, isServed, nowMs });

  const create = chooseIds(pool, members, scale.missing);
  const surplusIds = new Set([...scale.surplus].map(instanceIdOf));
  const activeIds = new Set(members.active.map(instanceIdOf));
  const staying = [...idsOf(members)].filter((id) => !surplusIds.has(id));
  // By sequence, ids whose Pod is on its way out stay in the count of the update as ids without a Pod.
  const vacant = staying.filter((id) => !activeIds.has(id));
  const isFresh = (id: number) => pool.own.get(id)?.[SCALE_IN_MARK] !== undefined || !pool.own.has(id);
  const kept = [...staying, ...create.filter((id) => !isFresh(id))].map((id) => pool.own.get(id)?.[REVISION]);
  const names = { updated: updated.name, current };
  const fresh = freshRevisions(set, create.filter(isFresh), kept, names);
  const placeholders = [...create, ...vacant].map((id) => ({
    id,
    revision: fresh.get(id) ?? pool.own.get(id)?.[REVISION],
  }));

  const update = planUpdate({
    set,
    pods: members.active.filter((pod) => !scale.surplus.has(pod) && !doubles.has(pod)),
    renewed: scale.renewed,
    placeholders,
    updated,
    revisions,
    nowMs,
  });
  const contextPlan = planContext({
    set,
    pool,
    members,
    doubles,
    create,
    fresh,
    surplus: scale.surplus,
    pending: update.pending,
    updatedIds: update.placeholders,
    updated: updated.name,
    isKnownRevision: (name) => revisions.has(name),
    refused: observed.refused,
    isNameTaken: observed.isNameTaken,
  });
  return { members, scale, update, context: contextPlan };
}

/** A set being deleted wants no Pods, and none made anew. */
export function planDrain(set: CollaSet, members: Members, nowMs: number): ScalePlan {
  const empty: CollaSet = { ...set, spec: { ...set.spec, replicas: 0, paused: false } };
  return planScale({ set: empty, members, doubles: new Set(), isServed: () => true, nowMs });
}

/** True when the set has what it asks for and nothing is under way. */
export function isSettled({ members, scale, update, context }: Plan, set: CollaSet): boolean {
  return (
    members.active.length === replicasOf(set) &&
    members.terminating.length === 0 &&
    scale.missing + scale.surplus.size + scale.renewed.size + scale.cancel.length === 0 &&
    update.pending.size + update.cancel.length + update.finish.length + update.unfinished.length === 0 &&
    update.waiting.length + update.blocked.length === 0 &&
    context.change !== 'needed'
  );
}
