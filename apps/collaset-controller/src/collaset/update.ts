import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  conditionOf,
  isReady,
  operationDelaySecondsOf,
  type Pod,
  partitionOf,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  replicasOf,
  UPDATE_INCLUDED_LABEL,
  updatePolicyOf,
  updatesByLabel,
} from '@kuperator/api';
import { hasOperation, operationsOf } from '@kuperator/lifecycle';
import { type InPlaceTransition, leavesContainersAlone, planTransition, type Transition } from './in-place.ts';
import { infeasibleReason, isChangedInPlace, missingResizes, unfinishedReason } from './in-place-record.ts';
import { instanceIdOf, revisionNameOf } from './members.ts';
import { permissionOf } from './permission.ts';
import type { Revision } from './revision-data.ts';
import { newestFirst } from './scale.ts';

/** Operation type under which Pods are updated. */
export const UPDATE = 'update';

/** The Pod stays as it is until another one, at the updated revision, has taken its place. */
export type Replaced = { readonly mode: 'replace' };
export type PodTransition = { readonly pod: Pod; readonly transition: Transition };
export type InPlaceChange = { readonly pod: Pod; readonly transition: InPlaceTransition };
export type Held = { readonly pod: Pod; readonly reason: string };

export type UpdatePlan = {
  /** Pods that are to be at the updated revision and are not. */
  readonly pending: ReadonlyMap<Pod, Transition | Replaced>;
  /** Instance ids without a Pod whose next Pod is to be at the updated revision. */
  readonly placeholders: ReadonlySet<number>;
  readonly begin: readonly PodTransition[];
  readonly cancel: readonly Pod[];
  /** Permitted to be changed where they are. */
  readonly change: readonly InPlaceChange[];
  /** Changed, and still to be resized: the second write of a change. */
  readonly resize: readonly Pod[];
  /** To be taken to the updated revision without an operation: their containers stay as they are. */
  readonly relabel: readonly InPlaceChange[];
  /** Permitted to be deleted, so that their id gets a Pod at the updated revision. */
  readonly recreate: readonly Pod[];
  readonly finish: readonly Pod[];
  /** Changed, and not followed by the kubelet yet. */
  readonly unfinished: readonly Held[];
  /** Begun, and not permitted yet. */
  readonly waiting: readonly Pod[];
  /** What the policy does not allow to be updated. */
  readonly blocked: readonly Held[];
  /** Pods would be updated if the API server took the template. */
  readonly isHeld: boolean;
  readonly delayMs: number | undefined;
};

export type Placeholder = { readonly id: number; readonly revision: string | undefined };

export type UpdateInput = {
  readonly set: CollaSet;
  /** Active Pods that stay. */
  readonly pods: readonly Pod[];
  /** Among them those that are about to be deleted and made anew for another reason. */
  readonly renewed: ReadonlySet<Pod>;
  /** Among them those that are being replaced, which goes on whatever the policy (T35). */
  readonly replaced?: ReadonlySet<Pod>;
  /** Instance ids that are to have a Pod and have none. */
  readonly placeholders: readonly Placeholder[];
  readonly updated: Revision;
  readonly revisions: ReadonlyMap<string, Revision>;
  readonly nowMs: number;
  readonly facts?: UpdateFacts;
};

/** What was found out about the cluster and the updated revision. */
export type UpdateFacts = {
  /** Why no Pod may be taken to the updated revision: the API server refuses its template. */
  readonly held?: string | undefined;
  /** The cluster serves `pods/resize`. */
  readonly canResize: boolean;
  /** Claim templates whose claims can be expanded. */
  readonly expandable: ReadonlySet<string>;
  /** Pods, by uid, whose resize the API server refused, and why. */
  readonly refusedResizes: ReadonlyMap<string, string>;
};

const NO_FACTS: UpdateFacts = { canResize: true, expandable: new Set(), refusedResizes: new Map() };

/** Next step of the Pods towards the updated revision, as far as the rolling update asks for it. */
export function planUpdate(input: UpdateInput): UpdatePlan {
  const { set, pods, renewed, updated, revisions, nowMs, facts = NO_FACTS } = input;
  const scope = scopeOf(input);
  const pending = new Map<Pod, Transition | Replaced>();
  const begin: PodTransition[] = [];
  const cancel: Pod[] = [];
  const change: InPlaceChange[] = [];
  const resize: Pod[] = [];
  const relabel: InPlaceChange[] = [];
  const recreate: Pod[] = [];
  const finish: Pod[] = [];
  const unfinished: Held[] = [];
  const waiting: Pod[] = [];
  const blocked: Held[] = [];
  let delayMs: number | undefined;
  const policy = updatePolicyOf(set);
  const delaySeconds = operationDelaySecondsOf(set, UPDATE);

  const refusalOf = (pod: Pod) => facts.refusedResizes.get(pod.metadata.uid ?? '') ?? infeasibleReason(pod);

  // Out of scope, or nothing (more) to change: what was changed is seen through, what was not is given back to service.
  const release = (pod: Pod, isWanted: boolean) => {
    if (!hasOperation(pod, COLLASET_OPERATION_ID, UPDATE)) return;
    if (!isChangedInPlace(pod)) {
      cancel.push(pod);
      return;
    }
    const refusal = refusalOf(pod);
    // A resize that nobody asks for any more and that cannot be had must not keep the Pod out of service.
    const reason = refusal === undefined || isWanted ? unfinishedReason(pod) : undefined;
    if (reason !== undefined) unfinished.push({ pod, reason: refusal ?? reason });
    if (refusal === undefined && missingResizes(pod).length > 0) resize.push(pod);
    if (reason !== undefined) return;
    if (permissionOf(pod, UPDATE, 0, nowMs) === 'granted') finish.push(pod);
    else waiting.push(pod);
  };

  for (const pod of pods) {
    if (renewed.has(pod)) continue;
    if (!scope.pods.has(pod)) {
      release(pod, false);
      continue;
    }
    const isUpdated = revisionNameOf(pod) === updated.name;
    const refusal = isUpdated ? refusalOf(pod) : undefined;
    if (isUpdated && refusal === undefined) {
      release(pod, true);
      continue;
    }
    if (policy === 'Replace' || input.replaced?.has(pod)) {
      pending.set(pod, REPLACED);
      release(pod, true);
      continue;
    }
    const transition =
      refusal !== undefined
        ? cannotResize(refusal)
        : policy === 'Recreate'
          ? RECREATE_ALWAYS
          : transitionOf(revisions.get(revisionNameOf(pod) ?? ''), updated, facts);
    if (policy === 'InPlaceOnly' && transition.mode === 'recreate') {
      blocked.push({ pod, reason: transition.reason });
      release(pod, true);
      continue;
    }
    pending.set(pod, transition);
    if (!hasOperation(pod, COLLASET_OPERATION_ID, UPDATE)) {
      if (transition.mode === 'in-place' && leavesContainersAlone(transition) && isIdle(pod)) {
        relabel.push({ pod, transition });
      } else begin.push({ pod, transition });
      continue;
    }
    const permission = permissionOf(pod, UPDATE, delaySeconds, nowMs);
    if (permission !== 'granted') {
      waiting.push(pod);
      if (permission !== 'none') delayMs = Math.min(delayMs ?? permission.delayMs, permission.delayMs);
    } else if (transition.mode === 'recreate') recreate.push(pod);
    else change.push({ pod, transition });
  }
  const steps = { begin, cancel, change, resize, relabel, recreate, finish };
  return {
    pending,
    placeholders: scope.placeholders,
    ...steps,
    unfinished,
    waiting,
    blocked,
    isHeld: facts.held !== undefined,
    delayMs,
  };
}

function isUnderWay(pod: Pod): boolean {
  const isBeingReplaced = pod.metadata.labels?.[REPLACED_BY_REPLACE_UPDATE_LABEL] !== undefined;
  return isBeingReplaced || hasOperation(pod, COLLASET_OPERATION_ID, UPDATE);
}

function isIdle(pod: Pod): boolean {
  return operationsOf(pod).every(({ id }) => id !== COLLASET_OPERATION_ID);
}

function cannotResize(reason: string): Transition {
  return { mode: 'recreate', reason: `it cannot be resized: ${reason}` };
}

const REPLACED: Replaced = { mode: 'replace' };
const RECREATE_ALWAYS: Transition = { mode: 'recreate', reason: 'podUpgradePolicy is Recreate' };

// Per pair of revisions, since Pods by the thousand share few of them.
const transitions = new WeakMap<Revision, WeakMap<Revision, Transition>>();

/** The transition as far as this cluster can make it in place. */
function transitionOf(from: Revision | undefined, to: Revision, facts: UpdateFacts): Transition {
  const transition = bestTransition(from, to);
  if (transition.mode === 'recreate') return transition;
  const [resized] = transition.resize;
  if (resized && !facts.canResize) return cannotResize(`container ${resized.name}: the cluster has no pods/resize`);
  return transition.grows.every((name) => facts.expandable.has(name)) ? transition : CLAIMS_DIFFER;
}

const CLAIMS_DIFFER: Transition = { mode: 'recreate', reason: 'volumeClaimTemplates differ' };

function bestTransition(from: Revision | undefined, to: Revision): Transition {
  if (!from) return planTransition(undefined, to);
  const known = transitions.get(from)?.get(to);
  if (known) return known;
  const transition = planTransition(from, to);
  const targets = transitions.get(from) ?? new WeakMap<Revision, Transition>();
  transitions.set(from, targets.set(to, transition));
  return transition;
}

type Slot = { pod: Pod | undefined; id: number; isUpdated: boolean };
type Scope = { readonly pods: ReadonlySet<Pod>; readonly placeholders: ReadonlySet<number> };

/**
 * Pods, and ids without one, that are to be at the updated revision. `partition` of the replicas stay out (T1, T2): those already
 * updated or under way come first, so the choice is kept from pass to pass and grows with a falling partition. A raised partition
 * rolls nothing back (T9b).
 */
export function scopeOf({ set, pods, placeholders, updated, facts }: UpdateInput): Scope {
  if (set.spec.paused || facts?.held !== undefined) return { pods: new Set(), placeholders: new Set() };
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

/** The order in which Pods come into the scope of an update: unavailable ones before those that serve (T5). */
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
