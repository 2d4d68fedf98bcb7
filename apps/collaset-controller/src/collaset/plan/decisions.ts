import type { CollaSet, Pod } from '@kuperator/api';
import { claimedIdsOf } from '../claims/claims.ts';
import { capacityFor } from '../ids/capacity.ts';
import { doublesOf } from '../ids/doubles.ts';
import {
  chooseIds,
  DELETE_SERVED,
  freshRevisions,
  idsOf,
  type Pool,
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
import type { Observed } from './observed.ts';
import { planReplace, type ReplacePlan, replacedPods } from './replace.ts';
import { replacementIds } from './replacement-id.ts';
import { planScale, type ScalePlan } from './scale.ts';
import { planUpdate, type UpdatePlan } from './update.ts';

/** What each rule decided; `plan.ts` makes the list of actions from it. */
export type Decisions = {
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
 * Asks the rules in the order in which they rest on each other: who counts, who leaves, which ids get Pods, who is updated, who is
 * replaced, which ids must wait, and what is to be on record of all that. While a set is paused nothing begins: operations under way end
 * where the Pod was changed, and its Pod returns to service where not.
 */
export function decide(observed: Observed, updated: Revision): Decisions {
  const view = viewOf(observed, updated);
  const leaving = decideLeaving(view);
  const places = decidePlaces(view, leaving);
  const changes = decideChanges(view, leaving, places);
  const records = decideRecords(view, { ...leaving, ...places, ...changes });
  const { exclude, include, scale } = leaving;
  return { members: view.members, exclude, include, scale, ...changes, ...records };
}

/** What every rule looks at. */
type View = {
  readonly observed: Observed;
  readonly updated: Revision;
  readonly members: Members;
  readonly pool: Pool;
  /** Ids of which the set has claims. */
  readonly claimed: ReadonlySet<number>;
  /** Pods whose instance id another Pod has. */
  readonly doubles: ReadonlySet<Pod>;
  readonly isKnownRevision: (name: string) => boolean;
};

function viewOf(observed: Observed, updated: Revision): View {
  const { set, revision } = observed;
  const members = membersOf(set, observed.owned);
  const pool = poolOf(set, observed.context);
  return {
    observed,
    updated,
    members,
    pool,
    claimed: claimedIdsOf(observed.claims.owned),
    doubles: doublesOf(set, members, pool),
    isKnownRevision: (name) => revision.byName.has(name),
  };
}

type Leaving = Pick<Decisions, 'exclude' | 'include' | 'scale'>;

/** Which Pods the set lets go, takes in, and has too many or too few of. */
function decideLeaving({ observed, updated, members, pool, claimed, doubles }: View): Leaving {
  const { set, nowMs, podNamed, claims } = observed;
  const isServed = (pod: Pod) =>
    isSequence(set) && pool.own.get(instanceIdOf(pod) ?? -1)?.[DELETE_SERVED] !== undefined;
  const exclude = planExclude(set, members, isServed);
  const include = planInclude({ set, members, pool, podNamed, claimsOf: claims.mountedBy, claimed });
  const joining = include.pods.length;
  const asked = planScale({ set, members, doubles, excluded: exclude.all, joining, isServed, nowMs });
  const room = capacityFor({ set, pool, members, missing: asked.missing, revision: updated.name });
  return { exclude, include, scale: { ...asked, ...room } };
}

type Places = {
  /** Ids that Pods bring with them into the set. */
  readonly brought: ReadonlySet<number>;
  /** Ids that get a Pod. */
  readonly create: readonly number[];
  /** Revisions of those among them that are allocated now. */
  readonly fresh: ReadonlyMap<number, string>;
  /** Ids that are to have a Pod and have none, for the count of the update. */
  readonly placeholders: readonly { readonly id: number; readonly revision: string | undefined }[];
};

/** Which instance ids get Pods. */
function decidePlaces({ observed, updated, members, pool }: View, { include, scale }: Leaving): Places {
  const { set, revision } = observed;
  const brought = new Set(include.pods.map(({ id }) => id));
  const create = chooseIds(pool, members, scale.missing, brought);
  const surplusIds = idsOf([...scale.surplus]);
  const activeIds = idsOf(members.active);
  const staying = [...idsOf(members.counted)].filter((id) => !surplusIds.has(id));
  // By sequence, ids whose Pod is terminating stay in the count of the update as ids without a Pod.
  const vacant = staying.filter((id) => !activeIds.has(id));
  const isFresh = (id: number) => pool.own.get(id)?.[SCALE_IN_MARK] !== undefined || !pool.own.has(id);
  const kept = [...staying, ...create.filter((id) => !isFresh(id))].map((id) => pool.own.get(id)?.[REVISION]);
  const current = set.status?.currentRevision;
  const names = { updated: updated.name, current: current && revision.byName.has(current) ? current : updated.name };
  const fresh = freshRevisions(set, create.filter(isFresh), kept, names);
  const placeholders = [...create, ...vacant].map((id) => ({
    id,
    revision: fresh.get(id) ?? pool.own.get(id)?.[REVISION],
  }));
  return { brought, create, fresh, placeholders };
}

type Changes = Pick<Decisions, 'update' | 'replace'>;

/** Which Pods get to the updated revision and how, and which give way to a new Pod. */
function decideChanges(view: View, { exclude, scale }: Leaving, { placeholders }: Places): Changes {
  const { observed, updated, members, doubles, isKnownRevision } = view;
  const { set, revision, nowMs, nanos, facts } = observed;
  const isStaying = (pod: Pod) =>
    isActive(pod) && !scale.surplus.has(pod) && !doubles.has(pod) && !exclude.now.has(pod);
  const update = planUpdate({
    set,
    pods: members.counted.filter(isStaying),
    renewed: scale.renewed,
    replaced: replacedPods(members),
    placeholders,
    updated,
    revisions: revision.byName,
    nowMs,
    facts,
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
  return { update, replace };
}

type Records = Pick<Decisions, 'ended' | 'context'>;

/** Which instance ids must wait for their next Pod, and what the ResourceContext should record. */
function decideRecords(view: View, decided: Leaving & Places & Changes): Records {
  const { observed, members, pool, claimed, doubles, isKnownRevision } = view;
  const { include, scale, brought, create, fresh, update, replace } = decided;
  const { set, nowMs } = observed;
  const updated = view.updated.name;
  const chosen = [...create, ...brought];
  const replacements = replacementIds({ pool, members, start: replace.start, chosen, claimed });
  const next = { pool, updatedIds: update.placeholders, updated, isKnownRevision };
  const ended = planEnded({
    set,
    members,
    pool,
    vacancies: new Set([...create, ...replacements.keys()]),
    surplus: scale.surplus,
    nextRevision: (id) => replacements.get(id)?.revision ?? nextRevisionOf(next, id),
    nowMs,
  });
  const context = planContext({
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
    updated,
    isKnownRevision,
    refused: observed.refused,
    isNameTaken: observed.isNameTaken,
    claimed,
    ended,
  });
  return { ended, context };
}

/** A set that is being deleted wants no Pods and recreates none. It marks all Pods except those that are already leaving. */
export function decideDrain(set: CollaSet, members: Members, nowMs: number): ScalePlan {
  const empty: CollaSet = { ...set, spec: { ...set.spec, replicas: 0, paused: false } };
  const nothing = { doubles: new Set<Pod>(), excluded: new Set<Pod>(), joining: 0 };
  const plan = planScale({ set: empty, members, ...nothing, isServed: () => true, nowMs });
  return { ...plan, begin: [], mark: plan.begin };
}
