// What became of a pass, for people: the wire's conditions Scale and Update, and Events.
import type { CollaSet, Pod } from '@kuperator/api';
import { type Operation, waitingFor } from '@kuperator/lifecycle';
import { type ConditionUpdate, failed, succeeded } from './conditions.ts';
import type { Deps } from './deps.ts';
import type { LaneResult } from './lane.ts';
import { takesAway } from './leaving.ts';
import type { Plan } from './plan.ts';
import { UPDATE } from './update.ts';

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

function scaleCondition({ scale }: Plan, { out, scaleIn }: Lanes): readonly ConditionUpdate[] {
  if (out && out.failures.length > 0) return [failed('Scale', 'ScaleOutFailed', out.failures)];
  if (scaleIn.failures.length > 0) return [failed('Scale', 'ScaleInFailed', scaleIn.failures)];
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

/** Events for what the pass did, and for what went wrong. */
export function recordEvents(
  recorder: Deps['recorder'],
  set: CollaSet,
  { context, scale, replace, exclude, include, update }: Plan,
  conditions: readonly ConditionUpdate[],
): void {
  for (const { status, reason, message } of conditions) if (status === 'False') recorder.warn(set, reason, message);
  const isRefused = conditions.some(({ reason }) => reason === 'ScaleOutFailed');
  if (context.creations.length > 0 && !isRefused) recorder.normal(set, 'Scaled', 'scaling out');
  if (scale.begin.length > 0) recorder.normal(set, 'BeginScaleInLifecycle', 'asking Pods to leave');
  if (scale.delete.length > 0) recorder.normal(set, 'TargetDeleted', 'deleting Pods that may leave');
  if (replace.start.length > 0) recorder.normal(set, 'CreatePairTarget', 'creating Pods that take the place of others');
  if (exclude.now.size > 0) recorder.normal(set, 'ExcludeTarget', 'letting Pods go that are excluded');
  if (include.pods.length > 0) recorder.normal(set, 'IncludeTarget', 'taking Pods in that are included');
  if (update.begin.length > 0) recorder.normal(set, 'TargetUpdateLifecycle', 'beginning the update of Pods');
}
