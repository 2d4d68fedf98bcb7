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

/** The Pod stays as it is until another one, at the updated revision, has taken its place. */
export type Replaced = { readonly mode: 'replace' };
export type PodTransition = { readonly pod: Pod; readonly transition: Transition };
export type InPlaceChange = { readonly pod: Pod; readonly transition: InPlaceTransition };
/** A change that cannot be completed and is undone in place. */
export type Reversal = InPlaceChange & { readonly revision: Revision; readonly refusal: Refusal };
export type Held = { readonly pod: Pod; readonly reason: string };
/** A resize the kubelet does not make: never on this node, or not as long as it has no room. */
export type Stuck = Held & { readonly isDeferred: boolean };

export type UpdatePlan = {
  /** Pods that are to be at the updated revision and are not. */
  readonly pending: ReadonlyMap<Pod, Transition | Replaced>;
  /** Instance ids without a Pod whose next Pod is to be at the updated revision. */
  readonly placeholders: ReadonlySet<number>;
  readonly begin: readonly PodTransition[];
  readonly cancel: readonly Pod[];
  /** Operations that will end in another way than they began: whether the Pod will be deleted must stand on it (T101). */
  readonly turn: readonly { readonly pod: Pod; readonly willDelete: boolean }[];
  /** Permitted to be changed where they are. */
  readonly change: readonly InPlaceChange[];
  /** Changed, and still to be resized: the second write of a change. */
  readonly resize: readonly Pod[];
  /** Changed, and the rest of the change was refused: they go back to the revision they came from. */
  readonly revert: readonly Reversal[];
  /** Changed, and the node will not resize them, or not for long: to be decided what becomes of them. */
  readonly stuck: readonly Stuck[];
  /** To be taken to the updated revision without an operation: their containers stay as they are. */
  readonly relabel: readonly InPlaceChange[];
  /** Permitted to be deleted, so that their id gets a Pod at the updated revision. */
  readonly recreate: readonly Pod[];
  readonly finish: readonly Pod[];
  /** Changed, and not followed by the kubelet yet. */
  readonly unfinished: readonly Held[];
  /** Begun, and not permitted yet. */
  readonly waiting: readonly Pod[];
  /** What the policy does not allow to be updated, and what was refused and is tried again later. */
  readonly blocked: readonly Held[];
  /** Pods would be updated if the API server took the template. */
  readonly isHeld: boolean;
  readonly delayMs: number | undefined;
};

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
  /** Updates that were refused, by the uid of their Pod. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** What is known of a Pod that is being changed. */
  readonly knowledgeOf: (pod: Pod) => Knowledge;
};

const NO_FACTS: UpdateFacts = {
  canResize: true,
  expandable: new Set(),
  refusals: new Map(),
  knowledgeOf: () => ({ nowMs: 0 }),
};

/** A node that has no room for a resize may have it soon. A Pod is not kept out of service for longer than this to see. */
const DEFERRED_MS = 30_000;

/** Next step of the Pods towards the updated revision, as far as the rolling update asks for it. */
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

/** Collects the steps of a plan, Pod by Pod. */
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

  /** A Pod in the scope of the update. */
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
        // Said until it has succeeded, and not only between the tries.
        if (next.retries) this.steps.blocked.push({ pod, reason: next.retries.reason });
        this.#take(pod, next.transition);
    }
  }

  #nextOf(pod: Pod): Next {
    const { updated, revisions, replaced } = this.#input;
    const isUpdated = revisionNameOf(pod) === updated.name;
    const remembered = this.#facts.refusals.get(pod.metadata.uid ?? '');
    const refusal = refusalOf(pod, updated.name, remembered);
    // Of a Pod that is changed, a note is about an earlier try.
    const isRefused = isUpdated && isChangedInPlace(pod) && refusal !== undefined && refusal === remembered;
    if (isUpdated && !isRefused) return { do: 'release' };
    if (this.#policy === 'Replace' || replaced?.has(pod)) return { do: 'replace' };
    const mayRecreate = this.#policy === 'InPlaceIfPossible' && refusal?.canRecreate === true;
    // A webhook may refuse by mistake: a Pod is made anew only for what was refused twice.
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

  /** Out of scope, or nothing (more) to change: what was changed is seen through, what was not is given back to service. */
  release(pod: Pod, isWanted: boolean): void {
    const { steps } = this;
    if (!hasOperation(pod, COLLASET_OPERATION_ID, UPDATE)) return;
    if (!isChangedInPlace(pod)) {
      steps.cancel.push(pod);
      return;
    }
    const knowledge = this.#facts.knowledgeOf(pod);
    const stuck = this.#stuck(pod);
    // A resize that nobody asks for any more and that cannot be had must not keep the Pod out of service.
    const isGivenUp = !isWanted && (stuck !== undefined || this.#isResizeRefused(pod));
    const hold = unfinished(pod, isGivenUp ? { ...knowledge, ignoresResize: true } : knowledge);
    if (hold) {
      steps.unfinished.push({ pod, reason: stuck?.reason ?? hold.reason });
      this.#delay(hold.againMs);
      if (stuck !== undefined && !isGivenUp) steps.stuck.push(stuck);
      else if (!isGivenUp && missingResizes(pod, knowledge.answered).length > 0) steps.resize.push(pod);
    } else if (permissionOf(pod, UPDATE, 0, this.#input.nowMs) === 'granted') steps.finish.push(pod);
    else steps.waiting.push(pod);
  }

  /** The next step of a Pod that is to get to the updated revision. */
  #take(pod: Pod, transition: Transition): void {
    const { steps } = this;
    steps.pending.set(pod, transition);
    if (!hasOperation(pod, COLLASET_OPERATION_ID, UPDATE)) {
      if (transition.mode === 'in-place' && leavesContainersAlone(transition) && isIdle(pod)) {
        steps.relabel.push({ pod, transition });
      } else steps.begin.push({ pod, transition });
      return;
    }
    const permission = permissionOf(pod, UPDATE, this.#delaySeconds, this.#input.nowMs);
    if (permission === 'granted') {
      if (transition.mode === 'recreate') steps.recreate.push(pod);
      else steps.change.push({ pod, transition });
      return;
    }
    steps.waiting.push(pod);
    if (permission !== 'none') this.#delay(permission.delayMs);
    const willDelete = transition.mode === 'recreate';
    const saysDelete = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
    // Other operations on the Pod may mean the mark as well.
    if (willDelete !== saysDelete && (willDelete || isAlone(pod))) steps.turn.push({ pod, willDelete });
  }

  /** The rest of the Pod's change was refused and no other Pod can take its place: it goes back to where it came from. */
  #takeBack(pod: Pod, refusal: Refusal): void {
    const { steps } = this;
    const { updated, revisions, nowMs } = this.#input;
    steps.blocked.push({ pod, reason: refusal.reason });
    if (permissionOf(pod, UPDATE, 0, nowMs) !== 'granted') {
      steps.waiting.push(pod);
      return;
    }
    const revision = revisions.get(changedFrom(pod) ?? '');
    // Claims that have grown stay as they are.
    const present = revision && { ...updated, claimTemplates: revision.claimTemplates };
    const transition = revision && present && planTransition(present, revision);
    if (revision && transition?.mode === 'in-place') steps.revert.push({ pod, transition, revision, refusal });
    // Nobody knows any more what it came from. In service as it is, it does less harm.
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

  /** Undefined while the kubelet may still resize the Pod. */
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
  /** Not updated now, and given back to service. */
  | { readonly do: 'block'; readonly reason: string; readonly isWanted: boolean };

function recreateFor({ reason }: Refusal): Next {
  return { do: 'take', transition: { mode: 'recreate', reason } };
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
  if (resized && !facts.canResize) {
    return {
      mode: 'recreate',
      reason: `it cannot be resized: container ${resized.name}: the cluster has no pods/resize`,
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
