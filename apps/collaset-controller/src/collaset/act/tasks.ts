import { COLLASET_OPERATION_ID, type CollaSet, controllerOf, type Pod, TO_DELETE_LABEL } from '@kuperator/api';
import {
  beginOperation,
  cancelOperation,
  keepFromDeletion,
  permittedSince,
  prepareToDelete,
} from '@kuperator/lifecycle';
import { ConflictError, ForbiddenError, InvalidError } from '@kuperator/runtime';
import { isSequence, revisionNameOf } from '../ids/members.ts';
import { podFor } from '../ids/pod-template.ts';
import type { Creation } from '../plan/context.ts';
import type { Inclusion } from '../plan/include.ts';
import { markLeaving, SCALE_IN } from '../plan/leaving.ts';
import { noteOf } from '../plan/refusal.ts';
import type { Relabelling, ReplacePlan } from '../plan/replace.ts';
import type { ScalePlan } from '../plan/scale.ts';
import type { UpdatePlan } from '../plan/update.ts';
import { UPDATE } from '../plan/update-scope.ts';
import type { Revision } from '../revision/revision-data.ts';
import { messageOf } from '../tell/conditions.ts';
import { cancelled, requested, started } from '../tell/events.ts';
import { ensureClaims } from './claim-writes.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import { unknownFieldsRefusal } from './dry-run.ts';
import type { SetMemory } from './memory.ts';
import { excludePod, includePod } from './moves.ts';
import { createPod, deletePod, noteRewrite, patchPod, relabelPod, staleCache } from './pod-writes.ts';
import { type UpdateTasks, updateTasks } from './update-tasks.ts';

/** A watch that says nothing for so long has lost something: the write is tried again. */
export const BEHIND_MS = 5000;

export type Task = () => Promise<void>;
/** Writes one Pod, and tells who listens. */
export type PodTasks = ReturnType<typeof podTasks>;

/** The single writes a plan is made of. Each is at most one write to a Pod. */
export function podTasks(deps: Deps, set: CollaSet, memory: SetMemory) {
  const { bus, clock, metrics } = deps;
  let heldBack = false;
  let updates: UpdateTasks | undefined;

  async function begin(pod: Pod, type: string, willDelete: boolean): Promise<void> {
    const nanos = clock.nanos();
    const labels = willDelete ? prepareToDelete(pod, nanos) : {};
    const changes = beginOperation(pod, { id: COLLASET_OPERATION_ID, type, nanos, labels });
    if (!changes) return;
    metrics.wrote('begin');
    await noteRewrite(deps, pod, await relabelPod(deps, pod, changes));
    bus.publish(requested({ set, pod, type }, nanos));
  }

  async function cancel(pod: Pod, type: string): Promise<void> {
    const nanos = clock.nanos();
    const changes = cancelOperation(pod, {
      id: COLLASET_OPERATION_ID,
      nanos,
      labels: keepFromDeletion(pod, COLLASET_OPERATION_ID),
    });
    if (!changes) return;
    metrics.wrote('cancel');
    // Out of service for nothing: no replica is to begin the same again at once.
    const refusal = type === UPDATE ? memory.refusals.get(pod.metadata.uid ?? '') : undefined;
    await relabelPod(deps, pod, changes, refusal?.wasOut ? noteOf(refusal) : {});
    bus.publish(cancelled({ set, pod, type }));
  }

  async function remove(pod: Pod, type: string): Promise<void> {
    metrics.wrote('delete');
    observePermission(pod, type);
    await deletePod(deps, pod);
    bus.publish(started({ set, pod, type }));
  }

  async function create(creation: Creation, revision: Revision | undefined): Promise<void> {
    if (!revision) throw new Error(`ControllerRevision ${creation.revision} is gone`);
    const { id, name, isNew, origin } = creation;
    try {
      if (isNew && !isRunning(revision.name)) await checkFields(revision);
      const volumes = await ensureClaims(deps, set, id, revision);
      metrics.wrote('create');
      const pod = podFor(set, {
        id,
        name,
        revision,
        isNew,
        volumes,
        nanos: clock.nanos(),
        originName: origin?.metadata.name,
      });
      const { taken } = await createPod(deps, set, pod);
      memory.refused.delete(id);
      if (taken === undefined) return;
      const holder = deps.pods.get(`${set.metadata.namespace}/${taken}`);
      // By sequence there is no other name: waiting for the stranger to go is not done by asking at once again.
      if (isSequence(set) && (!holder || controllerOf(holder)?.uid !== set.metadata.uid)) {
        throw new Error(`the name ${taken} is taken by a Pod that is not of the set`);
      }
      memory.takenNames.add(taken);
      throw staleCache(`the name ${taken} is taken`);
    } catch (error) {
      if (error instanceof ForbiddenError || error instanceof InvalidError) memory.refused.add(id);
      if (origin && !(error instanceof ConflictError)) deps.recorder.warn(set, 'ReplaceTarget', messageOf([error]));
      throw error;
    }
  }

  /** Whether a Pod of the revision shows that its template makes Pods. */
  function isRunning(revision: string): boolean {
    return deps.pods.byIndex(BY_OWNER, set.metadata.uid ?? '').some((pod) => revisionNameOf(pod) === revision);
  }

  /** @throws InvalidError when the API server would make a Pod without what the template says */
  async function checkFields(revision: Revision): Promise<void> {
    const refusal = await unknownFieldsRefusal(deps.client, set, revision, memory.completions);
    if (refusal !== undefined) throw new InvalidError(refusal, { status: 422, reason: 'Invalid' });
  }

  /** Marks of replacements, and marks by which the coordinator is asked to delete a Pod. */
  async function mark(pod: Pod, { labels, annotations }: Relabelling): Promise<void> {
    metrics.wrote('mark');
    const { resourceVersion } = pod.metadata;
    const isLeaving = labels[TO_DELETE_LABEL] !== undefined;
    const changes = isLeaving ? markLeaving(pod, clock.nanos(), labels) : labels;
    await patchPod(deps, pod, 'merge', { metadata: { resourceVersion, labels: changes, annotations } });
  }

  function observePermission(pod: Pod, type: string): void {
    const until = permittedSince(pod, COLLASET_OPERATION_ID);
    const from = pod.metadata.labels?.[`operating.podopslifecycle.kusionstack.io/${COLLASET_OPERATION_ID}`];
    if (until === undefined || from === undefined || !/^\d+$/.test(from)) return;
    metrics.permitted(type, Math.max(0, Number(until - BigInt(from)) / 1e9));
  }

  /** A task for a Pod, or none while the cache is known to be behind it. */
  function taskFor(pod: Pod, run: () => Promise<void>): Task[] {
    const { uid = '', resourceVersion } = pod.metadata;
    const known = memory.behind.get(uid);
    if (known?.version === resourceVersion && known && clock.monotonic() - known.atMs < BEHIND_MS) {
      heldBack = true;
      return [];
    }
    memory.behind.delete(uid);
    return [
      () =>
        run().catch((error: unknown) => {
          if (error instanceof ConflictError) {
            // Pods that have gone leave entries behind; losing the others costs a refused write each.
            if (memory.behind.size > 1000) memory.behind.clear();
            memory.behind.set(uid, { version: resourceVersion, atMs: clock.monotonic() });
          }
          throw error;
        }),
    ];
  }

  return {
    /** Whether there was a Pod without a task: the cache may be behind for longer than the next pass. */
    heldBack: () => heldBack,

    /** Whether an update was refused: what follows from it is for the next pass to decide. */
    hasRefused: () => updates?.hasRefused() ?? false,

    create: (creations: readonly Creation[], revisions: ReadonlyMap<string, Revision>): Task[] =>
      creations.map((creation) => () => create(creation, revisions.get(creation.revision))),

    /** Pods wanted again first, they are missing in the service; then those that may go. */
    scaleIn: (plan: ScalePlan): Task[] => [
      ...plan.cancel.flatMap((pod) => taskFor(pod, () => cancel(pod, SCALE_IN))),
      ...plan.delete.flatMap((pod) => taskFor(pod, () => remove(pod, SCALE_IN))),
      ...plan.begin.flatMap((pod) => taskFor(pod, () => begin(pod, SCALE_IN, true))),
    ],

    /** Out of service already before those that still serve. */
    update: (plan: UpdatePlan, updated: Revision, revisions: ReadonlyMap<string, Revision>): Task[] => {
      const observe = (pod: Pod) => observePermission(pod, UPDATE);
      updates = updateTasks(deps, set, memory, { updated, revisions, observePermission: observe });
      const writes = updates;
      const each = <T extends { readonly pod: Pod }>(items: readonly T[], run: (item: T) => Promise<void>) =>
        items.flatMap((item) => taskFor(item.pod, () => run(item)));
      return [
        ...plan.finish.flatMap((pod) => taskFor(pod, () => writes.finish(pod))),
        ...plan.cancel.flatMap((pod) => taskFor(pod, () => cancel(pod, UPDATE))),
        ...each(plan.revert, writes.revert),
        ...each(plan.change, writes.change),
        ...plan.resize.flatMap((pod) => taskFor(pod, () => writes.resize(pod))),
        ...plan.recreate.flatMap((pod) => taskFor(pod, () => writes.recreate(pod))),
        ...plan.stuck.map((item) => () => writes.decide(item)),
        ...each(plan.turn, ({ pod, willDelete }) => writes.turn(pod, willDelete)),
        ...each(plan.relabel, writes.relabel),
        ...plan.begin.map(({ pod, transition }) => async () => {
          if (await writes.mayBegin(pod, transition)) await begin(pod, UPDATE, transition.mode === 'recreate');
        }),
      ];
    },

    /** Deletions asked for before anything else: they may be what the others wait for. */
    mark: (leaving: readonly Pod[], relabel: ReplacePlan['relabel'] = new Map()): Task[] => {
      const changes = new Map(relabel);
      for (const pod of leaving) {
        const { labels = {}, annotations = {} } = changes.get(pod) ?? {};
        changes.set(pod, { labels: { ...labels, [TO_DELETE_LABEL]: clock.nanos() }, annotations });
      }
      return [...changes].flatMap(([pod, change]) => taskFor(pod, () => mark(pod, change)));
    },

    exclude: (pods: Iterable<Pod>): Task[] =>
      [...pods].flatMap((pod) =>
        taskFor(pod, async () => {
          metrics.wrote('exclude');
          try {
            await excludePod(deps, set, pod);
          } catch (error) {
            if (!(error instanceof ConflictError)) deps.recorder.warn(set, 'ExcludeIncludeFailed', messageOf([error]));
            throw error;
          }
        }),
      ),

    include: (inclusions: readonly Inclusion[]): Task[] =>
      inclusions.flatMap((inclusion) =>
        taskFor(inclusion.pod, async () => {
          metrics.wrote('include');
          try {
            await includePod(deps, set, inclusion);
          } catch (error) {
            // Somebody's admission does not want it: that is between them and the user, and holds nothing else up.
            if (!(error instanceof ForbiddenError || error instanceof InvalidError)) throw error;
            deps.recorder.warn(set, 'ExcludeIncludeFailed', error.message);
          }
        }),
      ),

    /** Pods that have ended: nothing is to be waited for, they serve nobody. */
    purge: (pods: readonly Pod[]): Task[] => pods.map((pod) => () => deletePod(deps, pod)),

    /** Pods the selector no longer matches are no longer ours. */
    release: (pods: readonly Pod[]): Task[] =>
      pods.map((pod) => () => {
        const { resourceVersion, ownerReferences = [] } = pod.metadata;
        const others = ownerReferences.filter((owner) => owner.uid !== set.metadata.uid);
        return patchPod(deps, pod, 'merge', { metadata: { resourceVersion, ownerReferences: others } }).then(() => {});
      }),
  };
}
