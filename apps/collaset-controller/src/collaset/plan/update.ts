import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  operationDelaySecondsOf,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
  updatePolicyOf,
} from '@kuperator/api';
import { hasOperation, operationsOf } from '@kuperator/lifecycle';
import { revisionNameOf } from '../ids/members.ts';
import type { Revision } from '../revision/revision-data.ts';
import { type InPlaceTransition, leavesContainersAlone, planTransition, type Transition } from './in-place.ts';
import { deferred, infeasibleReason, type Knowledge, unfinished } from './in-place-end.ts';
import { changedFrom, isChangedInPlace, missingResizes } from './in-place-record.ts';
import { permissionOf } from './permission.ts';
import { dueMs, type Refusal, refusalOf } from './refusal.ts';
import { type Placeholder, scopeOf, UPDATE } from './update-scope.ts';

/** The Pod stays as it is until a Pod at the updated revision has replaced it. */
type Replaced = { readonly mode: 'replace' };
type PodTransition = { readonly pod: Pod; readonly transition: Transition };
export type InPlaceChange = { readonly pod: Pod; readonly transition: InPlaceTransition };
/** A change that cannot be completed and is reverted in place. */
export type Reversal = InPlaceChange & { readonly revision: Revision; readonly refusal: Refusal };
type Held = { readonly pod: Pod; readonly reason: string };
/** A resize that the kubelet does not perform. `isDeferred`: it may do so later, when the node has room. */
export type Stuck = Held & { readonly isDeferred: boolean };

export type UpdatePlan = {
  /** Pods that are not at the updated revision and should be. */
  readonly pending: ReadonlyMap<Pod, Transition | Replaced>;
  /** Instance ids without a Pod whose next Pod gets the updated revision. */
  readonly placeholders: ReadonlySet<number>;
  readonly begin: readonly PodTransition[];
  readonly cancel: readonly Pod[];
  /** Pods whose label `preparing-to-delete` must change, because their operation now ends in another way (T101). */
  readonly turn: readonly { readonly pod: Pod; readonly willDelete: boolean }[];
  /** Permitted changes in place. */
  readonly change: readonly InPlaceChange[];
  /** Changed Pods whose resize is not written yet. It is the second write of a change. */
  readonly resize: readonly Pod[];
  /** Changed Pods that return to their earlier revision, because the rest of the change was refused. */
  readonly revert: readonly Reversal[];
  /** Changed Pods that their node never resizes, or has not resized for a while. The pass finds out what to do with them. */
  readonly stuck: readonly Stuck[];
  /** Pods that get the updated revision without an operation, because their containers stay the same. */
  readonly relabel: readonly InPlaceChange[];
  /** Pods that may be deleted, so that their instance id gets a Pod at the updated revision. */
  readonly recreate: readonly Pod[];
  readonly finish: readonly Pod[];
  /** Changed Pods that the kubelet has not brought to the new spec yet. */
  readonly unfinished: readonly Held[];
  /** Pods whose operation is not permitted yet. */
  readonly waiting: readonly Pod[];
  /** Pods that the policy does not allow to update, and Pods whose update was refused and is retried later. */
  readonly blocked: readonly Held[];
  /** True if the API server refuses the template, so that no Pod is updated. */
  readonly isHeld: boolean;
  readonly delayMs: number | undefined;
};

type UpdateInput = {
  readonly set: CollaSet;
  /** Active Pods that stay in the set. */
  readonly pods: readonly Pod[];
  /** The Pods of `pods` that are recreated for another reason. */
  readonly renewed: ReadonlySet<Pod>;
  /** The Pods of `pods` whose replacement continues under every policy (T35). */
  readonly replaced?: ReadonlySet<Pod>;
  /** Instance ids that lack a Pod. */
  readonly placeholders: readonly Placeholder[];
  readonly updated: Revision;
  readonly revisions: ReadonlyMap<string, Revision>;
  readonly nowMs: number;
  readonly facts?: UpdateFacts;
};

/** Facts about the cluster and the updated revision that are not in the objects of the set. */
export type UpdateFacts = {
  /** Why the API server refuses the updated template; undefined if it does not. If it does, no Pod is updated. */
  readonly held?: string | undefined;
  /** True if the cluster serves `pods/resize`. */
  readonly canResize: boolean;
  /** Names of claim templates whose claims can be expanded. */
  readonly expandable: ReadonlySet<string>;
  /** Refused updates, by the uid of their Pod. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** What the controller has observed about a Pod that is being changed. */
  readonly knowledgeOf: (pod: Pod) => Knowledge;
};

const NO_FACTS: UpdateFacts = {
  canResize: true,
  expandable: new Set(),
  refusals: new Map(),
  knowledgeOf: () => ({ nowMs: 0 }),
};

/** The longest time that a Pod stays out of service while its node has no room for a resize. */
const DEFERRED_MS = 30_000;

/** Plans the next step of each Pod towards the updated revision, as far as the rolling update asks for it. Pure. */
export function planUpdate(input: UpdateInput): UpdatePlan {
  const { facts = NO_FACTS, set, pods, placeholders, updated } = input;
  const scope = scopeOf({ set, pods, placeholders, updated, held: facts.held });
  const plan = new Planner(input, facts);
  for (const pod of pods) {
    if (input.renewed.has(pod)) continue;
    if (scope.pods.has(pod)) plan.update(pod);
    else plan.release(pod, false);
  }
  const { steps, delayMs } = plan;
  return { ...steps, placeholders: scope.placeholders, isHeld: facts.held !== undefined, delayMs };
}

/** Collects the steps of the plan, one Pod after another. */
class Planner {
  readonly steps = {
    pending: new Map<Pod, Transition | Replaced>(),
    begin: [] as PodTransition[],
    cancel: [] as Pod[],
    turn: [] as UpdatePlan['turn'][number][],
    change: [] as InPlaceChange[],
    resize: [] as Pod[],
    revert: [] as Reversal[],
    stuck: [] as Stuck[],
    relabel: [] as InPlaceChange[],
    recreate: [] as Pod[],
    finish: [] as Pod[],
    unfinished: [] as Held[],
    waiting: [] as Pod[],
    blocked: [] as Held[],
  };
  delayMs: number | undefined;
  readonly #input: UpdateInput;
  readonly #facts: UpdateFacts;
  readonly #policy: ReturnType<typeof updatePolicyOf>;
  readonly #delaySeconds: number;

  constructor(input: UpdateInput, facts: UpdateFacts) {
    this.#input = input;
    this.#facts = facts;
    this.#policy = updatePolicyOf(input.set);
    this.#delaySeconds = operationDelaySecondsOf(input.set, UPDATE);
  }

  /** Plans the next step of a Pod in the scope of the update. */
  update(pod: Pod): void {
    const next = this.#nextOf(pod);
    switch (next.do) {
      case 'release':
        this.release(pod, true);
        break;
      case 'replace':
        this.steps.pending.set(pod, REPLACED);
        this.release(pod, true);
        break;
      case 'take-back':
        this.#takeBack(pod, next.refusal);
        break;
      case 'block':
        this.steps.blocked.push({ pod, reason: next.reason });
        this.release(pod, next.isWanted);
        break;
      case 'take':
        // Report the refusal until the update succeeds, and not only between the attempts.
        if (next.retries) this.steps.blocked.push({ pod, reason: next.retries.reason });
        this.#take(pod, next.transition);
    }
  }

  #nextOf(pod: Pod): Next {
    const { updated, revisions, replaced } = this.#input;
    const isUpdated = revisionNameOf(pod) === updated.name;
    const remembered = this.#facts.refusals.get(pod.metadata.uid ?? '');
    const refusal = refusalOf(pod, updated.name, remembered);
    // Once the Pod is changed, the refusal in its annotation is about an earlier attempt.
    const isRefused = isUpdated && isChangedInPlace(pod) && refusal !== undefined && refusal === remembered;
    if (isUpdated && !isRefused) return { do: 'release' };
    if (this.#policy === 'Replace' || replaced?.has(pod)) return { do: 'replace' };
    const mayRecreate = this.#policy === 'InPlaceIfPossible' && refusal?.canRecreate === true;
    // A webhook may refuse by mistake, so a Pod is recreated only after a second refusal.
    const isOnce = mayRecreate && refusal.times === 0;
    if (isRefused && isOnce) return { do: 'release' };
    if (isRefused) return mayRecreate ? recreateFor(refusal) : { do: 'take-back', refusal };
    const transition =
      this.#policy === 'Recreate'
        ? RECREATE_ALWAYS
        : transitionOf(revisions.get(revisionNameOf(pod) ?? ''), updated, this.#facts);
    if (this.#policy === 'InPlaceOnly' && transition.mode === 'recreate') {
      return { do: 'block', reason: transition.reason, isWanted: true };
    }
    if (!refusal) return { do: 'take', transition };
    if (mayRecreate && !isOnce && transition.mode === 'in-place') return recreateFor(refusal);
    return (isOnce && refusal.wasOut) || this.#isDue(refusal)
      ? { do: 'take', transition, retries: refusal }
      : { do: 'block', reason: refusal.reason, isWanted: false };
  }

  /**
   * Ends the operation of a Pod that needs no (further) change. If the Pod was changed, the kubelet must complete the change first. If not,
   * the operation is cancelled and the Pod returns to service.
   * @param isWanted false if the updated revision no longer asks for the change
   */
  release(pod: Pod, isWanted: boolean): void {
    const { steps } = this;
    if (!hasOperation(pod, COLLASET_OPERATION_ID, UPDATE)) return;
    if (!isChangedInPlace(pod)) {
      steps.cancel.push(pod);
      return;
    }
    const knowledge = this.#facts.knowledgeOf(pod);
    const stuck = this.#stuck(pod);
    // Abandon a resize that is no longer wanted and not possible, so that it does not keep the Pod out of service.
    const isGivenUp = !isWanted && (stuck !== undefined || this.#isResizeRefused(pod));
    const hold = unfinished(pod, isGivenUp ? { ...knowledge, ignoresResize: true } : knowledge);
    if (hold) {
      steps.unfinished.push({ pod, reason: stuck?.reason ?? hold.reason });
      this.#delay(hold.againMs);
      if (stuck !== undefined && !isGivenUp) steps.stuck.push(stuck);
      else if (!isGivenUp && missingResizes(pod, knowledge.answered).length > 0) steps.resize.push(pod);
    } else if (this.#mayEnd(pod)) steps.finish.push(pod);
    else steps.waiting.push(pod);
  }

  /** True if the Pod's operation is permitted. `operationDelaySeconds` only delays the change, not the end of the operation. */
  #mayEnd(pod: Pod): boolean {
    return permissionOf(pod, { type: UPDATE, delaySeconds: 0, nowMs: this.#input.nowMs }) === 'granted';
  }

  /** Plans the next step of a Pod towards the updated revision. */
  #take(pod: Pod, transition: Transition): void {
    const { steps } = this;
    steps.pending.set(pod, transition);
    if (!hasOperation(pod, COLLASET_OPERATION_ID, UPDATE)) {
      if (transition.mode === 'in-place' && leavesContainersAlone(transition) && isIdle(pod)) {
        steps.relabel.push({ pod, transition });
      } else steps.begin.push({ pod, transition });
      return;
    }
    const { nowMs } = this.#input;
    const permission = permissionOf(pod, { type: UPDATE, delaySeconds: this.#delaySeconds, nowMs });
    if (permission === 'granted') {
      if (transition.mode === 'recreate') steps.recreate.push(pod);
      else steps.change.push({ pod, transition });
      return;
    }
    steps.waiting.push(pod);
    if (permission !== 'none') this.#delay(permission.delayMs);
    const willDelete = transition.mode === 'recreate';
    const hasLabel = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
    // Another operation on the Pod may need the label, so it is removed only if there is none.
    if (willDelete !== hasLabel && (willDelete || isAlone(pod))) steps.turn.push({ pod, willDelete });
  }

  /** Reverts a Pod to its earlier revision, because the rest of its change was refused and it cannot be recreated either. */
  #takeBack(pod: Pod, refusal: Refusal): void {
    const { steps } = this;
    const { updated, revisions } = this.#input;
    steps.blocked.push({ pod, reason: refusal.reason });
    if (!this.#mayEnd(pod)) {
      steps.waiting.push(pod);
      return;
    }
    const revision = revisions.get(changedFrom(pod) ?? '');
    // Claims cannot shrink, so they keep the size of the updated revision.
    const present = revision && { ...updated, claimTemplates: revision.claimTemplates };
    const transition = revision && present && planTransition(present, revision);
    if (revision && transition?.mode === 'in-place') steps.revert.push({ pod, transition, revision, refusal });
    // The earlier revision is unknown. It is better to return the Pod to service as it is than to keep it out of service.
    else steps.finish.push(pod);
  }

  #isDue(refusal: Refusal): boolean {
    const waitMs = dueMs(refusal) - this.#input.nowMs;
    if (waitMs > 0) this.#delay(waitMs);
    return waitMs <= 0;
  }

  #isResizeRefused(pod: Pod): boolean {
    const refusal = this.#facts.refusals.get(pod.metadata.uid ?? '');
    return refusal !== undefined && refusal.revision === revisionNameOf(pod);
  }

  /** Why the kubelet does not resize the Pod; undefined while it still may. */
  #stuck(pod: Pod): Stuck | undefined {
    const infeasible = infeasibleReason(pod);
    if (infeasible !== undefined) return { pod, reason: infeasible, isDeferred: false };
    const wait = deferred(pod);
    if (!wait) return undefined;
    const leftMs = wait.sinceMs + DEFERRED_MS - this.#input.nowMs;
    if (leftMs <= 0) return { pod, reason: wait.reason, isDeferred: true };
    this.#delay(leftMs);
    return undefined;
  }

  #delay(ms: number | undefined): void {
    if (ms !== undefined) this.delayMs = Math.min(this.delayMs ?? ms, ms);
  }
}

function isIdle(pod: Pod): boolean {
  return operationsOf(pod).every(({ id }) => id !== COLLASET_OPERATION_ID);
}

function isAlone(pod: Pod): boolean {
  return operationsOf(pod).every(({ id }) => id === COLLASET_OPERATION_ID);
}

type Next =
  | { readonly do: 'release' | 'replace' }
  | { readonly do: 'take'; readonly transition: Transition; readonly retries?: Refusal }
  | { readonly do: 'take-back'; readonly refusal: Refusal }
  /** The Pod is not updated now and returns to service. */
  | { readonly do: 'block'; readonly reason: string; readonly isWanted: boolean };

function recreateFor({ reason }: Refusal): Next {
  return { do: 'take', transition: { mode: 'recreate', reason } };
}

const REPLACED: Replaced = { mode: 'replace' };
const RECREATE_ALWAYS: Transition = { mode: 'recreate', reason: 'podUpgradePolicy is Recreate' };

// Cached for each pair of revisions, because thousands of Pods share a few revisions.
const transitions = new WeakMap<Revision, WeakMap<Revision, Transition>>();

/** The transition that this cluster supports: in place if it can, or else by recreating the Pod. */
function transitionOf(from: Revision | undefined, to: Revision, facts: UpdateFacts): Transition {
  const transition = bestTransition(from, to);
  if (transition.mode === 'recreate') return transition;
  const [resized] = transition.resize;
  if (resized && !facts.canResize) {
    return {
      mode: 'recreate',
      reason: `it cannot be resized: container ${resized.name}: the cluster does not serve pods/resize`,
    };
  }
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
