// What became of a pass, for people: the wire's conditions Scale and Update, and Events.
import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import type { Deps } from '../act/deps.ts';
import type { LaneResult } from '../act/lane.ts';
import { leftBehindText } from '../ids/left-behind.ts';
import { heldMessage, KEPT_ENDED } from '../plan/ended.ts';
import { UNKNOWN_REVISION } from '../plan/in-place.ts';
import type { Plan } from '../plan/plan.ts';
import type { PodTransition } from '../plan/update.ts';
import { UPDATE } from '../plan/update-scope.ts';
import { type ConditionUpdate, failed, succeeded, unsettled } from './conditions.ts';
import type { Holding, pausedWork } from './holding.ts';

/** Results of a pass's lanes; `out` is undefined when creations were not tried. */
export type Lanes = {
  readonly out: LaneResult | undefined;
  readonly scaleIn: LaneResult;
  readonly update: LaneResult;
};

/** What a pass came to, for the conditions of the wire. */
export type Outcome = {
  readonly plan: Plan;
  readonly lanes: Lanes;
  /** Why no Pod is taken to the updated revision. */
  readonly refusal: string | undefined;
  readonly holding: Holding;
  readonly paused: ReturnType<typeof pausedWork>;
  /** Which Pods the rolling update keeps at their revision, in words. */
  readonly kept: () => string;
  /** Which Pods a changed selector left behind, in words. */
  readonly leftBehind: string;
};

/**
 * True: done. False: failed. Unknown: neither, so that no tool takes a wait for one of them. See
 * docs/decisions/0025-conditions-that-agree.md.
 */
export function conditionsOf(outcome: Outcome): readonly ConditionUpdate[] {
  return [...scaleCondition(outcome), updateCondition(outcome)];
}

function scaleCondition({ plan, lanes, holding, paused, leftBehind }: Outcome): readonly ConditionUpdate[] {
  const { out, scaleIn } = lanes;
  if (out && out.failures.length > 0) return [failed('Scale', 'ScaleOutFailed', out.failures)];
  if (scaleIn.failures.length > 0) return [failed('Scale', 'ScaleInFailed', scaleIn.failures)];
  if (plan.scale.beyond !== undefined) return [failed('Scale', 'ScaleOutFailed', [new Error(plan.scale.beyond)])];
  const held = heldMessage(plan.ended);
  if (held !== undefined) return [failed('Scale', 'ScaleOutFailed', [new Error(held)])];
  const message = joined(holding.scale, leftBehind);
  if (paused.isScalePaused) return [unsettled('Scale', 'Paused', message)];
  const { surplus, delete: deleted } = plan.scale;
  if (surplus.size > deleted.length) return [unsettled('Scale', 'Scaling', message)];
  // What was not tried this time says nothing about whether it works.
  return out ? [succeeded('Scale', message)] : [];
}

function updateCondition({ plan, lanes, refusal, holding, paused, kept }: Outcome): ConditionUpdate {
  const { blocked } = plan.update;
  const failures = [...lanes.update.failures];
  if (refusal !== undefined) failures.push(new Error(refusal));
  const blockage = blockageOf(blocked);
  if (blockage !== undefined) failures.push(new Error(blockage));
  if (failures.length > 0) return failed('Update', 'UpdateFailed', failures);
  if (paused.isUpdatePaused) return unsettled('Update', 'Paused', holding.update);
  if (isUpdating(plan)) return unsettled('Update', 'Updating', holding.update);
  return succeeded('Update', joined(holding.update, kept()));
}

/** Why Pods cannot be updated under the policy of the set; undefined when none is held by it. */
export function blockageOf(blocked: Plan['update']['blocked']): string | undefined {
  const [first] = blocked;
  if (!first) return undefined;
  const others = blocked.length > 1 ? ` and ${blocked.length - 1} more` : '';
  return `Pod ${first.pod.metadata.name}${others} cannot be updated in place: ${first.reason}`;
}

function isUpdating({ update, members }: Plan): boolean {
  const { pending, waiting, unfinished, finish } = update;
  if (pending.size + waiting.length + unfinished.length + finish.length > 0) return true;
  return members.terminating.some((pod) => hasOperation(pod, COLLASET_OPERATION_ID, UPDATE));
}

function joined(...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('; ');
}

/**
 * Events for what the pass did, and for what went wrong.
 * @param waits reasons of the waits that were told and go on; kept from pass to pass
 */
export function recordEvents(
  recorder: Deps['recorder'],
  set: CollaSet,
  { context, members, scale, replace, exclude, include, update, ended }: Plan,
  conditions: readonly ConditionUpdate[],
  waits: Set<string>,
): void {
  for (const { status, reason, message } of conditions) if (status === 'False') recorder.warn(set, reason, message);
  const isRefused = conditions.some(({ reason }) => reason === 'ScaleOutFailed');
  if (context.creations.length > 0 && !isRefused) recorder.normal(set, 'Scaled', 'scaling out');
  if (scale.begin.length > 0) recorder.normal(set, 'BeginScaleInLifecycle', 'asking Pods to leave');
  if (scale.delete.length > 0) {
    recorder.normal(set, 'Scaled', 'scaling in');
    recorder.normal(set, 'TargetDeleted', 'deleting Pods that may leave');
  }
  if (ended.purge.length > 0) {
    recorder.normal(
      set,
      'EndedTargetDeleted',
      `deleting Pods that have ended; of others the youngest ${KEPT_ENDED} stay`,
    );
  }
  const wait = (reason: string, pods: number, message: string) => {
    if (pods === 0) waits.delete(reason);
    else if (!waits.has(reason)) recorder.normal(set, reason, message);
    if (pods > 0) waits.add(reason);
  };
  wait('TargetScaleInLifecycle', scale.waiting.length, 'waiting for Pods to be permitted to leave');
  wait('WaitingUpdateReady', update.unfinished.length, 'waiting for changed Pods to run what is asked for');
  // Once: released, they are no longer members.
  if (members.released.length > 0) recorder.warn(set, 'TargetReleased', leftBehindText(members.released));
  recordReplacements(recorder, set, replace);
  if (exclude.now.size > 0) recorder.normal(set, 'ExcludeTarget', 'letting Pods go that are excluded');
  if (include.pods.length > 0) recorder.normal(set, 'IncludeTarget', 'taking Pods in that are included');
  recordUpdates(recorder, set, update);
}

/** One Event for all Pods of a pass: one for each would double the writes an update costs. */
function recordUpdates(recorder: Deps['recorder'], set: CollaSet, update: Plan['update']): void {
  const { begin, change, relabel, recreate, finish } = update;
  if (begin.length > 0) recorder.normal(set, 'TargetUpdateLifecycle', 'beginning the update of Pods');
  const isUnknown = ({ transition }: PodTransition) =>
    transition.mode === 'recreate' && transition.reason === UNKNOWN_REVISION;
  for (const { pod } of begin.filter(isUnknown)) {
    const message = `Pod ${pod.metadata.name} is made anew: ${UNKNOWN_REVISION}`;
    recorder.warn(set, 'TargetCurrentRevisionNotFound', message);
  }
  if (change.length + relabel.length > 0) recorder.normal(set, 'UpdateTarget', 'updating Pods in place');
  if (recreate.length > 0) recorder.normal(set, 'UpdateTarget', 'deleting Pods to make them anew');
  if (finish.length > 0) {
    recorder.normal(set, 'UpdateReady', 'changed Pods run what is asked for');
    recorder.normal(set, 'UpdateTargetFinished', 'giving updated Pods back to service');
  }
}

function recordReplacements(recorder: Deps['recorder'], set: CollaSet, { start, relabel }: Plan['replace']): void {
  if (start.length > 0) recorder.normal(set, 'CreatePairTarget', 'creating Pods that take the place of others');
  for (const [pod, { labels }] of relabel) {
    if (labels[REPLACED_BY_REPLACE_UPDATE_LABEL]) {
      recorder.normal(set, 'ReplaceUpdateTarget', 'marking Pods to be replaced at the updated revision');
    }
    if (labels[REPLACE_PAIR_NEW_ID_LABEL]) {
      recorder.normal(set, 'UpdateOriginTarget', 'noting on Pods which one takes their place');
    }
    if (labels[TO_DELETE_LABEL] && pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] !== undefined) {
      recorder.normal(set, 'DeleteOldNewTarget', 'deleting new Pods that are not wanted any more');
    }
  }
}
