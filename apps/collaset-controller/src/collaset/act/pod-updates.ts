// The writes that update Pods.
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
import { type InPlaceTransition, inPlacePatch, metadataPatch, type PatchInput } from '../plan/in-place.ts';
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

/** Changes the Pod to the updated revision in place. `completeChange` follows it. */
export async function change(pass: Pass, { pod, transition }: ActionOf<'change'>): Promise<Written> {
  const { deps, memory } = pass;
  const updated = updatedOf(pass);
  const { uid = '' } = pod.metadata;
  if (!(await mayResize(pass, pod, transition))) return SKIPPED;
  observePermission(pass, pod, 'update');
  // If a claim cannot grow, a recreated Pod could not start either, so recreating the Pod is no alternative.
  const isFixed = transition.grows.length > 0;
  const changed = await attempt(pass, { pod, what: CHANGE, revision: updated.name, isFixed }, async () => {
    await growClaims(pass, pod, transition);
    const knowledge = knowledgeOf(memory, pod, deps.clock.monotonic());
    const input = { revision: updated.name, transition, labels: keptLabels(pod), knowledge };
    return { pod: await writeChange(pass, pod, { input, annotations: withoutNote(pod) }) };
  });
  if (!changed) return SKIPPED;
  const last = memory.refusals.get(uid) ?? notedRefusal(pod);
  if (last) memory.retried.set(uid, last);
  memory.refusals.delete(uid);
  return changed;
}

type ChangeWrite = {
  readonly input: PatchInput;
  /** Further annotation changes for the same write. */
  readonly annotations: Readonly<Record<string, string | null>>;
};

function writeChange({ deps }: Pass, pod: Pod, { input, annotations }: ChangeWrite): Promise<Pod | undefined> {
  const { metadata, ...patch } = inPlacePatch(pod, input);
  const body = { ...patch, metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } } };
  return patchPod(deps, pod, { type: 'strategic', body });
}

/** Probes the resize again, because other Pods may have used up the room or the quota since the operation began. */
async function mayResize(pass: Pass, pod: Pod, transition: InPlaceTransition): Promise<boolean> {
  const resizes = pendingResizes(pod, transition);
  if (resizes.length === 0) return true;
  const updated = updatedOf(pass);
  const revision = updated.name;
  const what = resizeOf(resizes.map(({ name }) => name));
  const from = originOf(pass, pod);
  const asked = await attempt(pass, { pod, what, revision }, async () => ({
    obstacle: await resizeObstacle(pass.deps, pod, { set: pass.set, from, to: updated, resizes }),
  }));
  if (asked?.obstacle) refuse(pass, { pod, revision, obstacle: asked.obstacle, wasOut: true });
  return asked !== undefined && !asked.obstacle;
}

/** The writes after a change: records images that admission has changed, and resizes the containers. */
export async function completeChange(pass: Pass, before: Pod, after: Pod | undefined): Promise<void> {
  await noteRewrite(pass.deps, before, after);
  if (after) await resize(pass, { pod: after });
}

/** Resizes the containers: the second write of a change. If it fails, the record on the Pod says what is left to do. */
export async function resize(pass: Pass, { pod }: { readonly pod: Pod }): Promise<Written> {
  const { deps, memory } = pass;
  const { uid = '' } = pod.metadata;
  const missing = missingResizes(pod, memory.answered.get(uid));
  if (missing.length === 0) return SKIPPED;
  deps.metrics.wrote('resize');
  const what = resizeOf(missing.map(({ name }) => name));
  const resized = await attempt(pass, { pod, what, revision: revisionNameOf(pod) ?? '' }, async () => ({
    pod: await resizePod(deps, pod, { resizes: missing }),
  }));
  const record = resized?.pod && recordTextOf(resized.pod);
  if (record !== undefined) memory.answered.set(uid, record);
  return resized ?? SKIPPED;
}

/** Finds out, for a Pod that its node does not resize, whether the Pod can be recreated on another node. */
export async function judgeResize(pass: Pass, action: ActionOf<'judgeResize'>): Promise<Written> {
  const { pod, reason, isDeferred } = action;
  const from = pass.revisions().get(changedFrom(pod) ?? '');
  // A deferred resize fits the size of the node. Whether another node has more free room is unknown, so the Pod is not recreated.
  const revisions = { set: pass.set, from, to: updatedOf(pass) };
  const fitsElsewhere = !isDeferred && (await canRecreate(pass.deps, revisions));
  const obstacle = {
    reason: `${resizeOf(resizedContainers(pod))}: ${reason}`,
    canRecreate: fitsElsewhere,
    isCertain: true,
  };
  refuse(pass, { pod, revision: revisionNameOf(pod) ?? '', obstacle, wasOut: true });
  return SKIPPED;
}

/** Reverts a change that cannot be completed, so that the Pod can return to service at its earlier revision. */
export async function revert(pass: Pass, action: ActionOf<'revert'>): Promise<Written> {
  const { pod, transition, revision, refusal } = action;
  const { deps, memory } = pass;
  const knowledge = knowledgeOf(memory, pod, deps.clock.monotonic());
  const input = { revision: revision.name, transition, labels: keptLabels(pod), knowledge };
  try {
    return { pod: await writeChange(pass, pod, { input, annotations: noteOf(refusal) }) };
  } catch (error) {
    if (!isRefused(error)) throw error;
    // The reversal is refused too. It is better to return the Pod to service as it is than to keep it out of service.
    return { ...(await finish(pass, { pod })), insteadAs: 'finish' };
  }
}

/** Writes the updated revision to a Pod whose containers stay the same, because only its claims grow. */
export async function relabel(pass: Pass, { pod, transition }: ActionOf<'relabel'>): Promise<Written> {
  const revision = updatedOf(pass).name;
  const isIncluded = pod.metadata.labels?.[UPDATE_INCLUDED_LABEL] !== undefined;
  const included = isIncluded ? { [UPDATE_INCLUDED_LABEL]: null } : {};
  try {
    await growClaims(pass, pod, transition);
    const metadata = metadataPatch(pod, { revision, transition, labels: included });
    await patchPod(pass.deps, pod, { type: 'merge', body: { metadata } });
    return DONE;
  } catch (error) {
    // If the write is refused, the Pod stays in service, and the update of the other Pods continues.
    if (!isRefused(error)) throw error;
    const obstacle = { reason: `${CHANGE}: ${sentenceOf(error)}`, canRecreate: false };
    refuse(pass, { pod, revision, obstacle, wasOut: false });
    return SKIPPED;
  }
}

async function growClaims(pass: Pass, pod: Pod, { grows }: InPlaceTransition): Promise<void> {
  const id = instanceIdOf(pod);
  if (grows.length === 0 || id === undefined) return;
  await expandClaims(pass.deps, pass.set, { id, revision: updatedOf(pass) });
}

/**
 * Adds or removes the label that announces the deletion of the Pod at the end of its operation. The coordinator's webhook admits the
 * deletion only with this label.
 */
export async function turn(
  { deps }: Pass,
  { pod, willDelete }: Pick<ActionOf<'turn'>, 'pod' | 'willDelete'>,
): Promise<Written> {
  const labels = willDelete ? prepareToDelete(pod, deps.clock.nanos()) : { [PREPARING_TO_DELETE_LABEL]: null };
  return { pod: await patchPod(deps, pod, { type: 'merge', body: { metadata: { labels } } }) };
}

/** Deletes the Pod, so that its instance id gets a Pod at the updated revision. */
export async function recreate(pass: Pass, { pod }: ActionOf<'recreate'>): Promise<Written> {
  const { deps, set } = pass;
  const updated = updatedOf(pass);
  const revision = updated.name;
  const asked = await attempt(pass, { pod, what: RECREATE, revision, isFixed: true }, async () => {
    const found = await recreateObstacle(deps, { set, from: originOf(pass, pod), to: updated });
    // Expand the claims before the deletion, so that a refused expansion keeps the Pod.
    const id = instanceIdOf(pod);
    if (!found?.obstacle && id !== undefined) await expandClaims(deps, set, { id, revision: updated });
    return { found };
  });
  if (!asked) return SKIPPED;
  const { found } = asked;
  if (found?.obstacle) {
    refuse(pass, { pod, revision, obstacle: found.obstacle, wasOut: true });
    return SKIPPED;
  }
  // Each new Pod needs more of the quota than its old one. The quota shows the remaining room only while no Pod is missing, so recreate one
  // Pod at a time.
  if (found?.isTight && (pass.isTightUsed || !isWhole(pass))) {
    pass.hasRefused = true;
    return SKIPPED;
  }
  pass.isTightUsed ||= found?.isTight ?? false;
  observePermission(pass, pod, 'update');
  return removeMarked(pass, pod);
}

/** Deletes the Pod, after it has the label that announces its deletion. */
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

/** True if the set has all its Pods and none is ending. */
function isWhole(pass: Pass): boolean {
  const owned = pass.owned();
  return owned.length >= replicasOf(pass.set) && owned.every(isActive);
}

/** Ends the operation. The Pod returns to service when the coordinator opens its readiness gate. */
export async function finish({ deps, memory }: Pass, { pod }: { readonly pod: Pod }): Promise<Written> {
  const { clock, metrics } = deps;
  const { uid = '' } = pod.metadata;
  const nanos = clock.nanos();
  // If the update was refused, the label by which the user chose the Pod stays, because the Pod is still to be updated.
  const included = memory.refusals.has(uid) ? {} : { [UPDATE_INCLUDED_LABEL]: null };
  const labels = { ...included, ...keptLabels(pod) };
  const changes = finishOperation(pod, { id: COLLASET_OPERATION_ID, nanos, labels });
  if (!changes) return SKIPPED;
  const since = permittedSince(pod, COLLASET_OPERATION_ID);
  if (since !== undefined) metrics.changed(Math.max(0, clock.now() - Number(since / 1_000_000n)) / 1000);
  await relabelPod(deps, pod, { labels: changes });
  memory.retried.delete(uid);
  return { nanos };
}
