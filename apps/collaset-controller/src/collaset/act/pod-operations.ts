// The writes that create Pods, begin and cancel their operations, delete them, and move them in and out of the set.
import { COLLASET_OPERATION_ID, controllerOf, own, type Pod, stageLabel, TO_DELETE_LABEL } from '@kuperator/api';
import {
  beginOperation,
  cancelOperation,
  keepFromDeletion,
  permittedSince,
  prepareToDelete,
} from '@kuperator/lifecycle';
import { ForbiddenError, InvalidError } from '@kuperator/runtime';
import { isSequence, revisionNameOf } from '../ids/members.ts';
import { podFor } from '../ids/pod-template.ts';
import type { ActionOf, Beginning, Marking } from '../plan/action.ts';
import { markLeaving } from '../plan/leaving.ts';
import { noteOf } from '../plan/refusal.ts';
import type { Revision } from '../revision/revision-data.ts';
import { ensureClaims } from './claim-writes.ts';
import { unknownFieldsRefusal } from './dry-run.ts';
import { excludePod, includePod } from './moves.ts';
import type { Pass } from './pass.ts';
import { createPod, deletePod, patchPod, relabelPod, staleCache } from './pod-writes.ts';
import { mayBegin } from './update-attempt.ts';
import { warnOf } from './warning.ts';
import { DONE, SKIPPED, type Written } from './written.ts';

/** Begins the operation. Before an update, a probe checks that the API server would admit it. */
export async function begin(pass: Pass, action: Beginning): Promise<Written> {
  const { pod, operation } = action;
  if (action.operation === 'update' && !(await mayBegin(pass, pod, action.transition))) return SKIPPED;
  const willDelete = action.operation === 'scale-in' || action.transition.mode === 'recreate';
  const nanos = pass.deps.clock.nanos();
  const labels = willDelete ? prepareToDelete(pod, nanos) : {};
  const changes = beginOperation(pod, { id: COLLASET_OPERATION_ID, type: operation, nanos, labels });
  if (!changes) return SKIPPED;
  return { nanos, pod: await relabelPod(pass.deps, pod, { labels: changes }) };
}

export async function cancel({ deps, memory }: Pass, { pod, operation }: ActionOf<'cancel'>): Promise<Written> {
  const nanos = deps.clock.nanos();
  const labels = keepFromDeletion(pod, COLLASET_OPERATION_ID);
  const changes = cancelOperation(pod, { id: COLLASET_OPERATION_ID, nanos, labels });
  if (!changes) return SKIPPED;
  // If the Pod was out of service for a refused update, record the refusal, so that no replica begins the same update immediately.
  const refusal = operation === 'update' ? memory.refusals.get(pod.metadata.uid ?? '') : undefined;
  await relabelPod(deps, pod, { labels: changes, annotations: refusal?.wasOut ? noteOf(refusal) : {} });
  return DONE;
}

export async function remove(pass: Pass, { pod, operation }: ActionOf<'delete'>): Promise<Written> {
  observePermission(pass, pod, operation);
  await deletePod(pass.deps, pod);
  return DONE;
}

/** Observes the metric for the time from the start of the operation to its permission. */
export function observePermission({ deps }: Pass, pod: Pod, type: string): void {
  const until = permittedSince(pod, COLLASET_OPERATION_ID);
  const from = own(pod.metadata.labels, stageLabel('operating', COLLASET_OPERATION_ID));
  if (until === undefined || from === undefined || !/^\d+$/.test(from)) return;
  deps.metrics.permitted(type, Math.max(0, Number(until - BigInt(from)) / 1e9));
}

export async function create(pass: Pass, { creation, revision }: ActionOf<'createPod'>): Promise<Written> {
  const { deps, set, memory } = pass;
  const { id, name, isNew, origin } = creation;
  try {
    if (!revision) throw new Error(`ControllerRevision ${creation.revision} is gone`);
    if (isNew && !hasPodsOf(pass, revision)) await checkFields(pass, revision);
    const volumes = await ensureClaims(deps, set, { id, revision });
    const nanos = deps.clock.nanos();
    const pod = podFor(set, { id, name, revision, isNew, volumes, nanos, originName: origin?.metadata.name });
    const { taken } = await createPod(deps, set, pod);
    memory.refused.delete(id);
    if (taken === undefined) return DONE;
    const holder = deps.pods.get(`${set.metadata.namespace}/${taken}`);
    // With sequence names, there is no other name to try, so the creation fails and backs off until the other Pod is gone.
    if (isSequence(set) && (!holder || controllerOf(holder)?.uid !== set.metadata.uid)) {
      throw new Error(`creating Pod ${taken}: a Pod that does not belong to the set has this name`);
    }
    memory.takenNames.add(taken);
    throw staleCache(`creating Pod ${taken}: the name is taken`);
  } catch (error) {
    if (error instanceof ForbiddenError || error instanceof InvalidError) memory.refused.add(id);
    if (origin) warnOf(deps, set, { reason: 'ReplaceTarget', error });
    throw error;
  }
}

/** True if a Pod of the revision exists, which proves that the API server accepts its template. */
function hasPodsOf(pass: Pass, { name }: Revision): boolean {
  return pass.owned().some((pod) => revisionNameOf(pod) === name);
}

/** @throws InvalidError if the template has fields that the API server does not know and would drop */
async function checkFields({ deps, set, memory }: Pass, revision: Revision): Promise<void> {
  const refusal = await unknownFieldsRefusal(deps.client, { set, revision, known: memory.completions });
  if (refusal !== undefined) throw new InvalidError(refusal, { status: 422, reason: 'Invalid' });
}

/** Writes the marks of replacements, and the mark by which the coordinator deletes a Pod. */
export async function mark({ deps }: Pass, { pod, labels, annotations }: Marking): Promise<Written> {
  const isLeaving = labels[TO_DELETE_LABEL] !== undefined;
  const changes = isLeaving ? markLeaving(pod, deps.clock.nanos(), labels) : labels;
  await patchPod(deps, pod, { type: 'merge', body: { metadata: { labels: changes, annotations } } });
  return DONE;
}

/** Deletes a Pod that has ended. It needs no permission, because it has no traffic. */
export async function purge({ deps }: Pass, { pod }: ActionOf<'purge'>): Promise<Written> {
  await deletePod(deps, pod);
  return DONE;
}

export async function release({ deps, set }: Pass, { pod }: ActionOf<'release'>): Promise<Written> {
  const { ownerReferences = [] } = pod.metadata;
  const others = ownerReferences.filter((owner) => owner.uid !== set.metadata.uid);
  await patchPod(deps, pod, { type: 'merge', body: { metadata: { ownerReferences: others } } });
  return DONE;
}

export async function exclude({ deps, set }: Pass, { pod }: ActionOf<'exclude'>): Promise<Written> {
  try {
    await excludePod(deps, set, pod);
    return DONE;
  } catch (error) {
    warnOf(deps, set, { reason: 'ExcludeIncludeFailed', error });
    throw error;
  }
}

export async function include({ deps, set }: Pass, { pod, id }: ActionOf<'include'>): Promise<Written> {
  try {
    await includePod(deps, set, { pod, id });
    return DONE;
  } catch (error) {
    // If admission refuses the inclusion, report it and continue: only the user can resolve it, and nothing else depends on it.
    if (!(error instanceof ForbiddenError || error instanceof InvalidError)) throw error;
    deps.recorder.warn(set, 'ExcludeIncludeFailed', error.message);
    return SKIPPED;
  }
}
