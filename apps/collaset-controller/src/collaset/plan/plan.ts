import { type CollaSet, type PersistentVolumeClaim, type Pod, type ResourceContext, replicasOf } from '@kuperator/api';
import { capacityFor } from '../ids/capacity.ts';
import { doublesOf } from '../ids/doubles.ts';
import {
  chooseIds,
  DELETE_SERVED,
  freshRevisions,
  idsOf,
  poolOf,
  REVISION,
  SCALE_IN_MARK,
} from '../ids/instance-id.ts';
import { instanceIdOf, isActive, isSequence, type Members, membersOf } from '../ids/members.ts';
import type { Revision } from '../revision/revision-data.ts';
import { type ContextPlan, planContext } from './context.ts';
import { type EndedPlan, nextRevisionOf, planEnded } from './ended.ts';
import { type ExcludePlan, planExclude } from './exclude.ts';
import { type IncludePlan, planInclude } from './include.ts';
import { planReplace, type ReplacePlan, replacedPods } from './replace.ts';
import { replacementIds } from './replacement-id.ts';
import { planScale, type ScalePlan } from './scale.ts';
import { planUpdate, type UpdateFacts, type UpdatePlan } from './update.ts';

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
  /** The Pod of that name in the set's namespace, whoever owns it. */
  readonly podNamed: (name: string) => Pod | undefined;
  /** The claims under control that a Pod mounts. */
  readonly claimsOf: (pod: Pod) => readonly PersistentVolumeClaim[];
  /** Ids of which the set has claims. */
  readonly claimed: ReadonlySet<number>;
  readonly nowMs: number;
  /** Unix nanoseconds, decimal, for the marks of this pass. */
  readonly nanos: string;
  readonly facts?: UpdateFacts;
};

/** All that one pass wants to do. */
export type Plan = {
  readonly members: Members;
  readonly exclude: ExcludePlan;
  readonly include: IncludePlan;
  readonly scale: ScalePlan;
  readonly replace: ReplacePlan;
  readonly update: UpdatePlan;
  readonly ended: EndedPlan;
  readonly context: ContextPlan;
};

/**
 * Decides a pass from what is observed. While a set is paused nothing is begun: operations under way are finished where a Pod was
 * changed and given back to service where not.
 */
export function planPass(observed: Observed): Plan {
  const { set, context, updated, current, revisions, nowMs, nanos } = observed;
  const members = membersOf(set, observed.owned);
  const pool = poolOf(set, context);
  const doubles = doublesOf(set, members, pool);
  const isKnownRevision = (name: string) => revisions.has(name);
  const isServed = (pod: Pod) =>
    isSequence(set) && pool.own.get(instanceIdOf(pod) ?? -1)?.[DELETE_SERVED] !== undefined;
  const exclude = planExclude(set, members, isServed);
  const include = planInclude({ ...observed, members, pool });
  const joining = include.pods.length;
  const asked = planScale({ set, members, doubles, excluded: exclude.all, joining, isServed, nowMs });
  const scale: ScalePlan = { ...asked, ...capacityFor(set, pool, members, asked.missing, updated.name) };

  const brought = new Set(include.pods.map(({ id }) => id));
  const create = chooseIds(pool, members, scale.missing, brought);
  const surplusIds = idsOf([...scale.surplus]);
  const activeIds = idsOf(members.active);
  const staying = [...idsOf(members.counted)].filter((id) => !surplusIds.has(id));
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

  const isStaying = (pod: Pod) =>
    isActive(pod) && !scale.surplus.has(pod) && !doubles.has(pod) && !exclude.now.has(pod);
  const update = planUpdate({
    set,
    pods: members.counted.filter(isStaying),
    renewed: scale.renewed,
    replaced: replacedPods(members),
    placeholders,
    updated,
    revisions,
    nowMs,
    ...(observed.facts ? { facts: observed.facts } : {}),
  });
  const replace = planReplace({
    set,
    members,
    targets: new Set([...update.pending].filter(([, { mode }]) => mode === 'replace').map(([pod]) => pod)),
    leaving: new Set([...scale.surplus, ...scale.renewed, ...exclude.now]),
    updated: updated.name,
    isKnownRevision,
    nanos,
  });
  const next = { pool, updatedIds: update.placeholders, updated: updated.name, isKnownRevision };
  const replacements = replacementIds(pool, members, replace.start, [...create, ...brought], observed.claimed);
  const nextRevision = (id: number) => replacements.get(id)?.revision ?? nextRevisionOf(next, id);
  const vacancies = new Set([...create, ...replacements.keys()]);
  const ended = planEnded({ set, members, pool, vacancies, surplus: scale.surplus, nextRevision, nowMs });
  const contextPlan = planContext({
    set,
    pool,
    members,
    doubles,
    create,
    fresh,
    replacements,
    included: include.pods,
    surplus: scale.surplus,
    pending: update.pending,
    updatedIds: update.placeholders,
    updated: updated.name,
    isKnownRevision,
    refused: observed.refused,
    isNameTaken: observed.isNameTaken,
    claimed: observed.claimed,
    ended,
  });
  return { members, exclude, include, scale, replace, update, ended, context: contextPlan };
}

/** A set being deleted wants no Pods, and none made anew: all are marked but those that are on their way out already. */
export function planDrain(set: CollaSet, members: Members, nowMs: number): ScalePlan {
  const empty: CollaSet = { ...set, spec: { ...set.spec, replicas: 0, paused: false } };
  const nothing = { doubles: new Set<Pod>(), excluded: new Set<Pod>(), joining: 0 };
  const plan = planScale({ set: empty, members, ...nothing, isServed: () => true, nowMs });
  return { ...plan, begin: [], mark: plan.begin };
}

/** True when the set has what it asks for and nothing is under way. */
export function isSettled(
  { members, exclude, include, scale, update, replace, context }: Plan,
  set: CollaSet,
): boolean {
  return (
    exclude.now.size + include.pods.length + replace.relabel.size === 0 &&
    members.active.length === replicasOf(set) &&
    members.terminating.length === 0 &&
    scale.missing + scale.surplus.size + scale.renewed.size + scale.cancel.length === 0 &&
    update.pending.size + update.cancel.length + update.finish.length + update.unfinished.length === 0 &&
    update.waiting.length + update.blocked.length === 0 &&
    context.change !== 'needed'
  );
}
