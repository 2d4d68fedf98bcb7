import { COLLASET_OPERATION_ID, type Pod, TO_DELETE_LABEL } from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import { isNobodys } from '../claims/claims.ts';
import { instanceIdOf, isSequence } from '../ids/members.ts';
import type { Revision } from '../revision/revision-data.ts';
import { type Action, type ActionOf, isBusy, isSettled, type Marking } from './action.ts';
import { isAvailable } from './availability.ts';
import { type Decisions, decide } from './decisions.ts';
import { planHousekeeping } from './housekeeping.ts';
import { SCALE_IN } from './leaving.ts';
import type { Observed } from './observed.ts';
import { planPaused } from './paused.ts';
import { planPreparations } from './preparation.ts';
import type { ScalePlan } from './scale.ts';
import { UPDATE } from './update-scope.ts';

/** How soon a Pod that could not be included is looked at again: it may be one that the cache does not hold. */
const REFUSED_MS = 30_000;

/**
 * All that one pass does and waits for, in order. Pure. If the list is a preparation (`isPreparation`), the pass writes it and asks again.
 */
export function planPass(observed: Observed): readonly Action[] {
  const { updated, isTried } = observed.revision;
  const preparations = planPreparations(observed);
  if (preparations.length > 0 || !updated) return preparations;
  const decisions = decide(observed, updated);
  if (decisions.update.pending.size > 0 && !isTried) return [{ do: 'tryRevision', revision: updated }];
  const work = [
    ...contextActions(observed, decisions),
    ...creations(observed, decisions),
    ...moves(observed, decisions),
    ...scaleIn(decisions.scale),
    ...update(decisions),
    ...waits(observed, decisions, updated),
    ...obstructions(observed, decisions),
  ];
  // Pods that only have to become available do not need what is tidied.
  const isIdle = isSettled(work.filter((action) => action.do !== 'awaitService'));
  return [...work, ...planHousekeeping(observed, decisions, { updated, isIdle, isBusy: isBusy(work) })];
}

/** What a set that is being deleted does: every Pod is marked, and waited for. */
export function planDrain(scale: ScalePlan, nanos: string): readonly Action[] {
  const marks = scale.mark.map(
    (pod): Marking => ({ do: 'mark', pod, labels: { [TO_DELETE_LABEL]: nanos }, annotations: {}, isDrain: true }),
  );
  return [...scaleIn(scale), ...marks, ...scaleInWaits(scale)];
}

function contextActions(observed: Observed, { members, exclude, context }: Decisions): readonly Action[] {
  const { claims } = observed;
  const writes: Action[] = context.change === 'needed' ? [{ do: 'writeContext', entries: context.entries }] : [];
  if (claims.unowned.length === 0) return writes;
  const staying = members.active.filter((pod) => !exclude.now.has(pod) && instanceIdOf(pod) !== undefined);
  const lacking = staying.filter((pod) => claims.mountedBy(pod).some(isNobodys));
  return [...writes, ...lacking.map((pod): Action => ({ do: 'bringClaims', pod }))];
}

function creations({ revision, due }: Observed, { context }: Decisions): readonly Action[] {
  if (due.createMs > 0) {
    return context.creations.map((creation) => ({ do: 'awaitCreation', creation, againMs: due.createMs }));
  }
  return context.creations.map((creation) => ({
    do: 'createPod',
    creation,
    revision: revision.byName.get(creation.revision),
  }));
}

/** Marks by which others act on Pods, and Pods that leave or join the set as they are. */
function moves({ nanos }: Observed, decisions: Decisions): readonly Action[] {
  const { members, exclude, include, scale, replace, ended, context } = decisions;
  const marks = new Map(replace.relabel);
  for (const pod of scale.mark) {
    const { labels = {}, annotations = {} } = marks.get(pod) ?? {};
    marks.set(pod, { labels: { ...labels, [TO_DELETE_LABEL]: nanos }, annotations });
  }
  const reused = new Set(context.reused);
  return [
    ...[...marks].map(([pod, change]): Action => ({ do: 'mark', pod, ...change })),
    ...members.released.map((pod): Action => ({ do: 'release', pod })),
    ...ended.purge.map((pod): Action => ({ do: 'purge', pod })),
    ...[...exclude.now].map((pod): Action => ({ do: 'exclude', pod })),
    ...include.pods.map(({ pod, id }): Action => ({ do: 'include', pod, id, isReused: reused.has(id) })),
  ];
}

/** Pods that are wanted again come first, because the service misses them; then those that may go. */
function scaleIn(scale: ScalePlan): readonly Action[] {
  return [
    ...scale.cancel.map((pod): Action => ({ do: 'cancel', pod, operation: SCALE_IN })),
    ...scale.delete.map((pod): Action => ({ do: 'delete', pod, operation: SCALE_IN })),
    ...scale.begin.map((pod): Action => ({ do: 'begin', pod, operation: SCALE_IN })),
  ];
}

/** Pods that are out of service come before those that still serve. */
function update({ update }: Decisions): readonly Action[] {
  const operation = UPDATE;
  return [
    ...update.finish.map((pod): Action => ({ do: 'finish', pod, operation })),
    ...update.cancel.map((pod): Action => ({ do: 'cancel', pod, operation })),
    ...update.revert.map((step): Action => ({ do: 'revert', operation, ...step })),
    ...update.change.map((step): Action => ({ do: 'change', operation, ...step })),
    ...update.resize.map((pod): Action => ({ do: 'resize', pod, operation })),
    ...update.recreate.map((pod): Action => ({ do: 'recreate', pod, operation })),
    ...update.stuck.map((step): Action => ({ do: 'judgeResize', operation, ...step })),
    ...update.turn.map((step): Action => ({ do: 'turn', operation, ...step })),
    ...update.relabel.map((step): Action => ({ do: 'relabel', operation, ...step })),
    ...update.begin.map((step): Action => ({ do: 'begin', operation, ...step })),
  ];
}

function scaleInWaits({ surplus, renewed, waiting, delayMs }: ScalePlan): readonly Action[] {
  const isAsked = (pod: Pod) => hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN);
  return [
    ...waiting.map(
      (pod): Action => ({ do: isAsked(pod) ? 'awaitPermission' : 'awaitDeletion', pod, operation: SCALE_IN }),
    ),
    ...[...renewed]
      .filter((pod) => !surplus.has(pod))
      .map((pod): Action => ({ do: 'awaitDeletion', pod, operation: 'renew' })),
    ...(delayMs === undefined ? [] : [{ do: 'awaitTime', what: 'operationDelaySeconds', againMs: delayMs } as const]),
  ];
}

function waits(observed: Observed, decisions: Decisions, updated: Revision): readonly Action[] {
  const { set, nowMs } = observed;
  const { members, scale, update, replace, ended } = decisions;
  const operation = UPDATE;
  const { delayMs } = update;
  const pairs: ActionOf<'awaitReplacement'>[] = [...update.pending]
    .filter(([, { mode }]) => mode === 'replace')
    .map(([pod]) => ({ do: 'awaitReplacement', pod, operation, successor: replace.waiting.get(pod) }));
  const others = [...replace.waiting].filter(([pod]) => !update.pending.has(pod));
  return [
    ...scaleInWaits(scale),
    ...members.terminating.map(
      (pod): Action => ({ do: 'awaitTermination', pod, operation: terminationOf(pod, scale) }),
    ),
    // By sequence a Pod that has ended holds the name of the next one.
    ...(isSequence(set) ? members.finished : []).map((pod): Action => ({ do: 'awaitTermination', pod })),
    ...update.waiting.map((pod): Action => ({ do: 'awaitPermission', pod, operation })),
    ...update.unfinished.map(({ pod, reason }): Action => ({ do: 'awaitKubelet', pod, operation, reason })),
    ...pairs,
    ...others.map(([pod, successor]): Action => ({ do: 'awaitReplacement', pod, operation: 'replace', successor })),
    ...[...ended.held].map(
      ([id, hold]): Action => ({ do: 'awaitBackOff', id, hold, againMs: Math.max(0, hold.untilMs - nowMs) }),
    ),
    ...planPaused(set, decisions, updated.name),
    ...members.active
      .filter((pod) => !isAvailable(set, pod, nowMs))
      .map((pod): Action => ({ do: 'awaitService', pod })),
    ...(delayMs === undefined ? [] : [{ do: 'awaitTime', what: 'the update of a Pod', againMs: delayMs } as const]),
  ];
}

function terminationOf(pod: Pod, { surplus }: ScalePlan): ActionOf<'awaitTermination'>['operation'] {
  if (surplus.has(pod)) return SCALE_IN;
  return hasOperation(pod, COLLASET_OPERATION_ID, UPDATE) ? UPDATE : undefined;
}

function obstructions({ facts, due }: Observed, { scale, update, exclude, include }: Decisions): readonly Action[] {
  const { held } = facts;
  return [
    ...(held === undefined ? [] : [{ do: 'blockRevision', reason: held, againMs: Math.max(0, due.trialMs) } as const]),
    ...update.blocked.map(({ pod, reason }): Action => ({ do: 'blockUpdate', pod, reason })),
    ...(scale.beyond === undefined ? [] : [{ do: 'blockCreation', reason: scale.beyond } as const]),
    ...exclude.refused.map((refusal): Action => ({ do: 'refuseListed', ...refusal })),
    ...include.refused.map((refusal): Action => ({ do: 'refuseListed', ...refusal, againMs: REFUSED_MS })),
  ];
}
