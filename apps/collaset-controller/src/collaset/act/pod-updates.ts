// The single writes by which Pods are updated.
import {
  COLLASET_OPERATION_ID,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
  replicasOf,
  UPDATE_INCLUDED_LABEL,
} from '@kuperator/api';
import {
  finishOperation,
  keepFromDeletion,
  type LabelChanges,
  permittedSince,
  prepareToDelete,
} from '@kuperator/lifecycle';
import { instanceIdOf, isActive, revisionNameOf } from '../ids/members.ts';
import type { ActionOf } from '../plan/action.ts';
import { type InPlaceTransition, inPlacePatch, metadataPatch } from '../plan/in-place.ts';
import { changedFrom, missingResizes, recordTextOf, resizedContainers } from '../plan/in-place-record.ts';
import { isRefused, notedRefusal, noteOf, sentenceOf, withoutNote } from '../plan/refusal.ts';
import { expandClaims } from './claim-writes.ts';
import { knowledgeOf } from './memory.ts';
import type { Pass } from './pass.ts';
import { observePermission } from './pod-operations.ts';
import { deletePod, noteRewrite, patchPod, relabelPod, resizePod } from './pod-writes.ts';
import { canRecreate, recreateObstacle, resizeObstacle, resizeOf } from './probe.ts';
import { attempt, CHANGE, originOf, pendingResizes, RECREATE, refuse, updatedOf } from './update-attempt.ts';
import { DONE, SKIPPED, type Written } from './written.ts';

const keptLabels = (pod: Pod): LabelChanges => keepFromDeletion(pod, COLLASET_OPERATION_ID);

/** Changes the Pod to the updated revision where it is. `noteRewrite` and `resize` follow it. */
export async function change(pass: Pass, { pod, transition }: ActionOf<'change'>): Promise<Written> {
  const { deps, memory } = pass;
  const updated = updatedOf(pass);
  const { uid = '' } = pod.metadata;
  if (!(await mayResize(pass, pod, transition))) return SKIPPED;
  observePermission(pass, pod, 'update');
  // A claim that may not grow would keep a Pod made anew from starting.
  const isFixed = transition.grows.length > 0;
  const changed = await attempt(pass, { pod, what: CHANGE, revision: updated.name, isFixed }, async () => {
    await growClaims(pass, pod, transition);
    const knowledge = knowledgeOf(memory, pod, deps.clock.monotonic());
    const { metadata, ...patch } = inPlacePatch(pod, updated.name, transition, keptLabels(pod), knowledge);
    const annotations = { ...metadata.annotations, ...withoutNote(pod) };
    return { pod: await patchPod(deps, pod, 'strategic', { ...patch, metadata: { ...metadata, annotations } }) };
  });
  if (!changed) return SKIPPED;
  const last = memory.refusals.get(uid) ?? notedRefusal(pod);
  if (last) memory.retried.set(uid, last);
  memory.refusals.delete(uid);
  return changed;
}

/** Since the operation began, other Pods may have used up what there was. */
async function mayResize(pass: Pass, pod: Pod, transition: InPlaceTransition): Promise<boolean> {
  const resizes = pendingResizes(pod, transition);
  if (resizes.length === 0) return true;
  const updated = updatedOf(pass);
  const revision = updated.name;
  const what = resizeOf(resizes.map(({ name }) => name));
  const asked = await attempt(pass, { pod, what, revision }, async () => ({
    obstacle: await resizeObstacle(pass.deps, pass.set, pod, { from: originOf(pass, pod), to: updated, resizes }),
  }));
  if (asked?.obstacle) refuse(pass, { pod, revision, obstacle: asked.obstacle, wasOut: true });
  return asked !== undefined && !asked.obstacle;
}

/** What follows a change: a note of images that admission has changed, and new CPU and memory. */
export async function completeChange(pass: Pass, before: Pod, after: Pod | undefined): Promise<void> {
  await noteRewrite(pass.deps, before, after);
  if (after) await resize(pass, { pod: after });
}

/** The second write of a change that resizes. What is left of it stands on the Pod, in case it is not made now. */
export async function resize(pass: Pass, { pod }: { readonly pod: Pod }): Promise<Written> {
  const { deps, memory } = pass;
  const { uid = '' } = pod.metadata;
  const missing = missingResizes(pod, memory.answered.get(uid));
  if (missing.length === 0) return SKIPPED;
  deps.metrics.wrote('resize');
  const what = resizeOf(missing.map(({ name }) => name));
  const resized = await attempt(pass, { pod, what, revision: revisionNameOf(pod) ?? '' }, async () => ({
    pod: await resizePod(deps, pod, missing),
  }));
  const record = resized?.pod && recordTextOf(resized.pod);
  if (record !== undefined) memory.answered.set(uid, record);
  return resized ?? SKIPPED;
}

/** The node will not resize the Pod: finds out, once, whether another node would run it. */
export async function judgeResize(pass: Pass, action: ActionOf<'judgeResize'>): Promise<Written> {
  const { pod, reason, isDeferred } = action;
  const from = pass.revisions().get(changedFrom(pod) ?? '');
  // What other nodes have left is not known.
  const fitsElsewhere = !isDeferred && (await canRecreate(pass.deps, pass.set, from, updatedOf(pass)));
  const obstacle = {
    reason: `${resizeOf(resizedContainers(pod))}: ${reason}`,
    canRecreate: fitsElsewhere,
    isCertain: true,
  };
  refuse(pass, { pod, revision: revisionNameOf(pod) ?? '', obstacle, wasOut: true });
  return SKIPPED;
}

/** Undoes a change that cannot be completed: the Pod runs what it ran before, and can serve again. */
export async function revert(pass: Pass, action: ActionOf<'revert'>): Promise<Written> {
  const { pod, transition, revision, refusal } = action;
  const { deps, memory } = pass;
  const knowledge = knowledgeOf(memory, pod, deps.clock.monotonic());
  const { metadata, ...patch } = inPlacePatch(pod, revision.name, transition, keptLabels(pod), knowledge);
  const annotations = { ...metadata.annotations, ...noteOf(refusal) };
  try {
    return { pod: await patchPod(deps, pod, 'strategic', { ...patch, metadata: { ...metadata, annotations } }) };
  } catch (error) {
    if (!isRefused(error)) throw error;
    // The way back is refused too. In service as it is, the Pod does less harm.
    return { ...(await finish(pass, { pod })), insteadAs: 'finish' };
  }
}

/** Takes a Pod to the updated revision whose containers stay as they are: only its claims grow. */
export async function relabel(pass: Pass, { pod, transition }: ActionOf<'relabel'>): Promise<Written> {
  const revision = updatedOf(pass).name;
  const isIncluded = pod.metadata.labels?.[UPDATE_INCLUDED_LABEL] !== undefined;
  const included = isIncluded ? { [UPDATE_INCLUDED_LABEL]: null } : {};
  try {
    await growClaims(pass, pod, transition);
    await patchPod(pass.deps, pod, 'merge', { metadata: metadataPatch(pod, revision, transition, included) });
    return DONE;
  } catch (error) {
    // The Pod goes on serving, and no longer holds the others up.
    if (!isRefused(error)) throw error;
    const obstacle = { reason: `${CHANGE}: ${sentenceOf(error)}`, canRecreate: false };
    refuse(pass, { pod, revision, obstacle, wasOut: false });
    return SKIPPED;
  }
}

async function growClaims(pass: Pass, pod: Pod, { grows }: InPlaceTransition): Promise<void> {
  const id = instanceIdOf(pod);
  if (grows.length > 0 && id !== undefined) await expandClaims(pass.deps, pass.set, id, updatedOf(pass));
}

/** States on the Pod that its operation will, or will not, end in its deletion: then the coordinator's webhook lets it go. */
export async function turn(
  { deps }: Pass,
  { pod, willDelete }: Pick<ActionOf<'turn'>, 'pod' | 'willDelete'>,
): Promise<Written> {
  const { resourceVersion } = pod.metadata;
  const labels = willDelete ? prepareToDelete(pod, deps.clock.nanos()) : { [PREPARING_TO_DELETE_LABEL]: null };
  return { pod: await patchPod(deps, pod, 'merge', { metadata: { resourceVersion, labels } }) };
}

/** Deletes the Pod, so that its instance id gets one at the updated revision. */
export async function recreate(pass: Pass, { pod }: ActionOf<'recreate'>): Promise<Written> {
  const { deps, set } = pass;
  const updated = updatedOf(pass);
  const revision = updated.name;
  const asked = await attempt(pass, { pod, what: RECREATE, revision, isFixed: true }, async () => {
    const found = await recreateObstacle(deps, set, originOf(pass, pod), updated);
    // Claims that may not grow must be found out before the Pod is gone.
    const id = instanceIdOf(pod);
    if (!found?.obstacle && id !== undefined) await expandClaims(deps, set, id, updated);
    return { found };
  });
  if (!asked) return SKIPPED;
  const { found } = asked;
  if (found?.obstacle) {
    refuse(pass, { pod, revision, obstacle: found.obstacle, wasOut: true });
    return SKIPPED;
  }
  // Each new Pod needs the room of its old one and more: the quota shows what is left only while no Pod is missing.
  if (found?.isTight && (pass.isTightUsed || !isWhole(pass))) {
    pass.hasRefused = true;
    return SKIPPED;
  }
  pass.isTightUsed ||= found?.isTight ?? false;
  observePermission(pass, pod, 'update');
  return removeMarked(pass, pod);
}

async function removeMarked(pass: Pass, pod: Pod): Promise<Written> {
  const isMarked = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
  if (!isMarked) pass.deps.metrics.wrote('begin');
  const marked = isMarked ? pod : (await turn(pass, { pod, willDelete: true })).pod;
  if (!marked) return SKIPPED;
  const how = { pod: marked, what: 'it cannot be deleted', revision: updatedOf(pass).name, isFixed: true };
  const deleted = await attempt(pass, how, async () => {
    await deletePod(pass.deps, marked);
    return DONE;
  });
  return deleted ?? SKIPPED;
}

/** As many Pods as wanted, and none on its way out. */
function isWhole(pass: Pass): boolean {
  const owned = pass.owned();
  return owned.length >= replicasOf(pass.set) && owned.every(isActive);
}

/** Ends the operation: the Pod goes back to service once its readiness gate is open. */
export async function finish({ deps, memory }: Pass, { pod }: { readonly pod: Pod }): Promise<Written> {
  const { clock, metrics } = deps;
  const { uid = '' } = pod.metadata;
  const nanos = clock.nanos();
  // A Pod that was chosen by label and refused is still to be updated.
  const included = memory.refusals.has(uid) ? {} : { [UPDATE_INCLUDED_LABEL]: null };
  const labels = { ...included, ...keptLabels(pod) };
  const changes = finishOperation(pod, { id: COLLASET_OPERATION_ID, nanos, labels });
  if (!changes) return SKIPPED;
  const since = permittedSince(pod, COLLASET_OPERATION_ID);
  if (since !== undefined) metrics.changed(Math.max(0, clock.now() - Number(since / 1_000_000n)) / 1000);
  await relabelPod(deps, pod, changes);
  memory.retried.delete(uid);
  return { nanos };
}
