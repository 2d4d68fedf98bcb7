// What became of a pass, for people: the wire's conditions Scale and Update, and Events.
import {
  type CollaSet,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { type Operation, waitingFor } from '@kuperator/lifecycle';
import { type ConditionUpdate, failed, succeeded } from './conditions.ts';
import type { Deps } from './deps.ts';
import { heldMessage, KEPT_ENDED } from './ended.ts';
import { UNKNOWN_REVISION } from './in-place.ts';
import type { LaneResult } from './lane.ts';
import { takesAway } from './leaving.ts';
import type { Plan } from './plan.ts';
import type { PodTransition } from './update.ts';
import { UPDATE } from './update-scope.ts';

/** Results of a pass's lanes; `out` is undefined when creations were not tried. */
export type Lanes = {
  readonly out: LaneResult | undefined;
  readonly scaleIn: LaneResult;
  readonly update: LaneResult;
};

/** @param refusal why no Pod is taken to the updated revision */
export function conditionsOf(plan: Plan, lanes: Lanes, refusal: string | undefined): readonly ConditionUpdate[] {
  return [...scaleCondition(plan, lanes), updateCondition(plan, lanes, refusal)];
}

function scaleCondition({ scale, ended }: Plan, { out, scaleIn }: Lanes): readonly ConditionUpdate[] {
  if (out && out.failures.length > 0) return [failed('Scale', 'ScaleOutFailed', out.failures)];
  if (scaleIn.failures.length > 0) return [failed('Scale', 'ScaleInFailed', scaleIn.failures)];
  const held = heldMessage(ended);
  if (held !== undefined) return [failed('Scale', 'ScaleOutFailed', [new Error(held)])];
  // What was not tried this time says nothing about whether it works.
  return out ? [succeeded('Scale', waits(scale.waiting, 'scale-in', takesAway))] : [];
}

function updateCondition({ update, replace }: Plan, lanes: Lanes, refusal: string | undefined): ConditionUpdate {
  const { blocked, waiting, unfinished } = update;
  const failures = [...lanes.update.failures];
  if (refusal !== undefined) failures.push(new Error(refusal));
  const [first] = blocked;
  if (first) {
    const others = blocked.length > 1 ? ` and ${blocked.length - 1} more` : '';
    failures.push(new Error(`Pod ${first.pod.metadata.name}${others} cannot be updated in place: ${first.reason}`));
  }
  if (failures.length > 0) return failed('Update', 'UpdateFailed', failures);
  const [held] = unfinished;
  const [replaced] = replace.waiting;
  const message = held ? `${unfinished.length} changed: Pod ${held.pod.metadata.name} ${held.reason}` : '';
  return succeeded(
    'Update',
    waits(waiting, 'update', ({ type }) => type === UPDATE) || message || (replaced ? waitsForSuccessor(replaced) : ''),
  );
}

/** Which new Pod a replacement waits for. */
function waitsForSuccessor([origin, successor]: readonly [Pod, Pod]): string {
  return `Pod ${origin.metadata.name} is replaced once Pod ${successor.metadata.name} is service-available`;
}

/** Who holds the first of the Pods that wait. */
function waits(pods: readonly Pod[], type: string, isMeant: (operation: Operation) => boolean): string {
  const [first] = pods;
  if (!first) return '';
  const holder = waitingFor(first).find(({ operation }) => isMeant(operation));
  const others = pods.length > 1 ? ` (and ${pods.length - 1} more)` : '';
  return `Pod ${first.metadata.name}${others} ${holder?.message ?? `waits to be permitted to ${type}`}`;
}

/**
 * Events for what the pass did, and for what went wrong.
 * @param waits reasons of the waits that were told and go on; kept from pass to pass
 */
export function recordEvents(
  recorder: Deps['recorder'],
  set: CollaSet,
  { context, scale, replace, exclude, include, update, ended }: Plan,
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
