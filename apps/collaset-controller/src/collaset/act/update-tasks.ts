// The single writes by which Pods are updated, and what becomes of those that are refused (docs/decisions/0022).
import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
  replicasOf,
  UPDATE_INCLUDED_LABEL,
} from '@kuperator/api';
import { finishOperation, keepFromDeletion, permittedSince, prepareToDelete } from '@kuperator/lifecycle';
import { instanceIdOf, isActive, revisionNameOf } from '../ids/members.ts';
import { type InPlaceTransition, inPlacePatch, metadataPatch, resizesFor, type Transition } from '../plan/in-place.ts';
import { changedFrom, missingResizes, recordTextOf, resizedContainers } from '../plan/in-place-record.ts';
import {
  cannotTry,
  isRefused,
  notedRefusal,
  noteOf,
  type Refusal,
  refusalAfter,
  sentenceOf,
  withoutNote,
} from '../plan/refusal.ts';
import { includes } from '../plan/resources.ts';
import type { InPlaceChange, Reversal, Stuck } from '../plan/update.ts';
import { UPDATE } from '../plan/update-scope.ts';
import type { Revision } from '../revision/revision-data.ts';
import { done, started } from '../tell/events.ts';
import { expandClaims } from './claim-writes.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import { knowledgeOf, type SetMemory } from './memory.ts';
import { deletePod, noteRewrite, patchPod, relabelPod, resizePod } from './pod-writes.ts';
import { canRecreate, type Obstacle, obstacleOf, recreateObstacle, resizeObstacle, resizeOf } from './probe.ts';

/** For so long a write that fails without being refused is repeated; then its Pod is given back to service. */
const PATIENCE_MS = 30_000;

export type UpdateTasks = ReturnType<typeof updateTasks>;

/**
 * @param updated the revision that Pods are updated to
 * @param observePermission called when a permission is used
 */
export function updateTasks(
  deps: Deps,
  set: CollaSet,
  memory: SetMemory,
  {
    updated,
    revisions,
    observePermission,
  }: {
    updated: Revision;
    revisions: ReadonlyMap<string, Revision>;
    observePermission: (pod: Pod) => void;
  },
) {
  const { bus, clock, metrics } = deps;
  let hasRefused = false;
  let isTightUsed = false;
  let suspicious: boolean | undefined;

  const originOf = (pod: Pod) => revisions.get(revisionNameOf(pod) ?? '');
  const keptLabels = (pod: Pod) => keepFromDeletion(pod, COLLASET_OPERATION_ID);

  function refuse(pod: Pod, revision: string, obstacle: Obstacle, wasOut: boolean): void {
    const { uid = '' } = pod.metadata;
    const last = memory.refusals.get(uid) ?? memory.retried.get(uid) ?? notedRefusal(pod);
    memory.refusals.set(uid, refusalAfter(last, { ...obstacle, revision, wasOut, atMs: clock.now() }));
    memory.troubles.delete(uid);
    hasRefused = true;
  }

  /**
   * Runs a write of a Pod that is out of service. One that is refused, or fails for too long, must not keep the Pod there.
   * @returns undefined when it was refused
   * @throws what may be over with the next try
   */
  async function attempt<T extends object>(
    pod: Pod,
    { what, revision, isFixed = false }: Attempt,
    run: () => Promise<T>,
  ): Promise<T | undefined> {
    const { uid = '' } = pod.metadata;
    try {
      const result = await run();
      memory.troubles.delete(uid);
      return result;
    } catch (error) {
      const nowMs = clock.monotonic();
      if (isRefused(error)) {
        const to = revisions.get(revision) ?? updated;
        const found = await obstacleOf(deps, set, error, what, { from: originOf(pod), to });
        refuse(pod, revision, { ...found, canRecreate: found.canRecreate && !isFixed }, true);
        return undefined;
      }
      const trouble = memory.troubles.get(uid);
      const sinceMs = trouble && nowMs - trouble.lastMs < PATIENCE_MS ? trouble.sinceMs : nowMs;
      memory.troubles.set(uid, { sinceMs, lastMs: nowMs });
      if (nowMs - sinceMs < PATIENCE_MS) throw error;
      refuse(pod, revision, { reason: `${what}: ${sentenceOf(error)}`, canRecreate: false }, true);
      return undefined;
    }
  }

  /** Why the update of the Pod should not be begun. */
  async function obstacleTo(pod: Pod, transition: Transition): Promise<Obstacle | undefined> {
    const from = originOf(pod);
    if (transition.mode === 'recreate') return (await recreateObstacle(deps, set, from, updated))?.obstacle;
    const resizes = pendingResizes(pod, transition);
    if (resizes.length > 0) return resizeObstacle(deps, set, pod, { from, to: updated, resizes });
    // Once a change to this revision was refused, the others are tried before they cost a Pod its traffic.
    suspicious ??= isSuspicious();
    if (!suspicious) return undefined;
    try {
      await patchPod(deps, pod, 'strategic', inPlacePatch(pod, updated.name, transition, {}), { dryRun: true });
      return undefined;
    } catch (error) {
      if (cannotTry(error)) return undefined;
      if (!isRefused(error)) throw error;
      return obstacleOf(deps, set, error, CHANGE, { from, to: updated });
    }
  }

  function isSuspicious(): boolean {
    const owned = deps.pods.byIndex(BY_OWNER, set.metadata.uid ?? '');
    const known: Iterable<Refusal | undefined> = [
      ...memory.refusals.values(),
      ...memory.retried.values(),
      ...owned.map(notedRefusal),
    ];
    return [...known].some((refusal) => refusal?.revision === updated.name);
  }

  /** @returns true when the update may begin */
  async function mayBegin(pod: Pod, transition: Transition): Promise<boolean> {
    const obstacle = await obstacleTo(pod, transition);
    if (obstacle) refuse(pod, updated.name, obstacle, false);
    return obstacle === undefined;
  }

  async function change({ pod, transition }: InPlaceChange): Promise<void> {
    const { uid = '' } = pod.metadata;
    const resizes = pendingResizes(pod, transition);
    if (resizes.length > 0) {
      // Since the operation began, others may have used up what there was.
      const what = resizeOf(resizes.map(({ name }) => name));
      const asked = await attempt(pod, { what, revision: updated.name }, async () => ({
        obstacle: await resizeObstacle(deps, set, pod, { from: originOf(pod), to: updated, resizes }),
      }));
      if (asked?.obstacle) refuse(pod, updated.name, asked.obstacle, true);
      if (!asked || asked.obstacle) return;
    }
    metrics.wrote('change');
    observePermission(pod);
    // A claim that may not grow would keep a Pod made anew from starting.
    const isFixed = transition.grows.length > 0;
    const changed = await attempt(pod, { what: CHANGE, revision: updated.name, isFixed }, async () => {
      await growClaims(pod, transition);
      const knowledge = knowledgeOf(memory, pod, clock.monotonic());
      const { metadata, ...patch } = inPlacePatch(pod, updated.name, transition, keptLabels(pod), knowledge);
      const annotations = { ...metadata.annotations, ...withoutNote(pod) };
      return { pod: await patchPod(deps, pod, 'strategic', { ...patch, metadata: { ...metadata, annotations } }) };
    });
    if (!changed) return;
    const last = memory.refusals.get(uid) ?? notedRefusal(pod);
    if (last) memory.retried.set(uid, last);
    memory.refusals.delete(uid);
    bus.publish(started({ set, pod, type: UPDATE }, updated.name));
    await noteRewrite(deps, pod, changed.pod);
    if (changed.pod) await resize(changed.pod);
  }

  /** The second write of a change that resizes; what is left of it is on the Pod, should it not come to it now. */
  async function resize(pod: Pod): Promise<void> {
    const { uid = '' } = pod.metadata;
    const missing = missingResizes(pod, memory.answered.get(uid));
    if (missing.length === 0) return;
    metrics.wrote('resize');
    const revision = revisionNameOf(pod) ?? '';
    const what = resizeOf(missing.map(({ name }) => name));
    const resized = await attempt(pod, { what, revision }, async () => ({
      pod: await resizePod(deps, pod, missing),
    }));
    const record = resized?.pod && recordTextOf(resized.pod);
    if (record !== undefined) memory.answered.set(uid, record);
  }

  /** The node will not resize the Pod: whether another one would is found out once. */
  async function decide({ pod, reason, isDeferred }: Stuck): Promise<void> {
    const from = revisions.get(changedFrom(pod) ?? '');
    // What other nodes have left is not known.
    const fitsElsewhere = !isDeferred && (await canRecreate(deps, set, from, updated));
    const obstacle = {
      reason: `${resizeOf(resizedContainers(pod))}: ${reason}`,
      canRecreate: fitsElsewhere,
      isCertain: true,
    };
    refuse(pod, revisionNameOf(pod) ?? '', obstacle, true);
  }

  /** Undoes a change that cannot be completed: the Pod runs what it ran, and can serve again. */
  async function revert({ pod, transition, revision, refusal }: Reversal): Promise<void> {
    metrics.wrote('change');
    const knowledge = knowledgeOf(memory, pod, clock.monotonic());
    const { metadata, ...patch } = inPlacePatch(pod, revision.name, transition, keptLabels(pod), knowledge);
    const annotations = { ...metadata.annotations, ...noteOf(refusal) };
    let changed: Pod | undefined;
    try {
      changed = await patchPod(deps, pod, 'strategic', { ...patch, metadata: { ...metadata, annotations } });
    } catch (error) {
      // Not to be had either: in service as it is, it does less harm.
      if (isRefused(error)) return finish(pod);
      throw error;
    }
    if (changed) await resize(changed);
  }

  /** Takes a Pod along whose containers stay as they are: only its claims grow. */
  async function relabel({ pod, transition }: InPlaceChange): Promise<void> {
    const included =
      pod.metadata.labels?.[UPDATE_INCLUDED_LABEL] === undefined ? {} : { [UPDATE_INCLUDED_LABEL]: null };
    try {
      await growClaims(pod, transition);
      metrics.wrote('change');
      await patchPod(deps, pod, 'merge', { metadata: metadataPatch(pod, updated.name, transition, included) });
    } catch (error) {
      // It serves on, and holds the others up no longer.
      if (!isRefused(error)) throw error;
      refuse(pod, updated.name, { reason: `${CHANGE}: ${sentenceOf(error)}`, canRecreate: false }, false);
    }
  }

  async function growClaims(pod: Pod, { grows }: InPlaceTransition): Promise<void> {
    const id = instanceIdOf(pod);
    if (grows.length > 0 && id !== undefined) await expandClaims(deps, set, id, updated);
  }

  /** Says on the Pod that its operation will, or will not, end in its deletion: so the coordinator's webhook lets it go then. */
  function turn(pod: Pod, willDelete: boolean): Promise<Pod | undefined> {
    metrics.wrote('begin');
    const { resourceVersion } = pod.metadata;
    const labels = willDelete ? prepareToDelete(pod, clock.nanos()) : { [PREPARING_TO_DELETE_LABEL]: null };
    return patchPod(deps, pod, 'merge', { metadata: { resourceVersion, labels } });
  }

  async function recreate(pod: Pod): Promise<void> {
    const { uid = '' } = pod.metadata;
    const revision = updated.name;
    const asked = await attempt(pod, { what: RECREATE, revision, isFixed: true }, async () => {
      const found = await recreateObstacle(deps, set, originOf(pod), updated);
      // Claims that may not grow must not be found out only when the Pod is gone.
      const id = instanceIdOf(pod);
      if (!found?.obstacle && id !== undefined) await expandClaims(deps, set, id, updated);
      return { found };
    });
    if (!asked) return;
    const { found } = asked;
    if (found?.obstacle) {
      refuse(pod, revision, found.obstacle, true);
      return;
    }
    // Each new Pod needs the room of its old one and more: the quota shows what is left only when none is missing.
    if (found?.isTight && (isTightUsed || !isWhole())) {
      hasRefused = true;
      return;
    }
    isTightUsed ||= found?.isTight ?? false;
    metrics.wrote('delete');
    observePermission(pod);
    const isMarked = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
    const marked = isMarked ? pod : await turn(pod, true);
    if (!marked) return;
    const deleted = await attempt(marked, { what: 'it cannot be deleted', revision, isFixed: true }, async () => {
      await deletePod(deps, marked);
      return { uid };
    });
    if (deleted) bus.publish(started({ set, pod, type: UPDATE }));
  }

  /** As many Pods as wanted, and none on its way out. */
  function isWhole(): boolean {
    const owned = deps.pods.byIndex(BY_OWNER, set.metadata.uid ?? '');
    return owned.length >= replicasOf(set) && owned.every(isActive);
  }

  async function finish(pod: Pod): Promise<void> {
    const nanos = clock.nanos();
    // Chosen by label, a Pod that was refused is still to be updated.
    const included = memory.refusals.has(pod.metadata.uid ?? '') ? {} : { [UPDATE_INCLUDED_LABEL]: null };
    const labels = { ...included, ...keptLabels(pod) };
    const changes = finishOperation(pod, { id: COLLASET_OPERATION_ID, nanos, labels });
    if (!changes) return;
    metrics.wrote('finish');
    const since = permittedSince(pod, COLLASET_OPERATION_ID);
    if (since !== undefined) metrics.changed(Math.max(0, clock.now() - Number(since / 1_000_000n)) / 1000);
    await relabelPod(deps, pod, changes);
    memory.retried.delete(pod.metadata.uid ?? '');
    bus.publish(done({ set, pod, type: UPDATE }, nanos));
  }

  return {
    /** Whether something was refused: what follows from it is for the next pass to decide. */
    hasRefused: () => hasRefused,
    mayBegin,
    change,
    resize,
    decide,
    revert,
    relabel,
    turn: (pod: Pod, willDelete: boolean) => turn(pod, willDelete).then(() => {}),
    recreate,
    finish,
  };
}

type Attempt = {
  /** What cannot be done, for the message. */
  readonly what: string;
  readonly revision: string;
  /** Making the Pod anew is no way out either. */
  readonly isFixed?: boolean;
};

const CHANGE = 'it cannot be changed in place';
const RECREATE = 'it cannot be made anew';

/** Resizes of the transition that the Pod's spec does not show yet. */
function pendingResizes(pod: Pod, transition: InPlaceTransition) {
  const present = new Map(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((item) => [item.name, item]),
  );
  return resizesFor(pod, transition).filter(
    ({ name, resources }) => !includes(present.get(name)?.resources, resources),
  );
}
