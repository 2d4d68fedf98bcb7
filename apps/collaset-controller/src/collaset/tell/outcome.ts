// Computes the conditions Scale and Update from the result of a pass.
import type { Outcome } from '../act/run.ts';
import { type Action, actionsOf } from '../plan/action.ts';
import { heldMessage } from '../plan/ended.ts';
import { type ConditionUpdate, failed, succeeded, unsettled } from './conditions.ts';
import type { Holding } from './holding.ts';

type OutcomeInput = {
  readonly actions: readonly Action[];
  readonly lanes: Outcome['lanes'];
  readonly holding: Holding;
  /** Text about the Pods that the rolling update keeps at their revision. */
  readonly kept: () => string;
  /** Text about the Pods that the set released because its selector changed. */
  readonly leftBehind: string;
};

/**
 * The conditions Scale and Update. Their status is True if the work is done, False if it failed, and Unknown while it waits or runs, so that
 * tools do not mistake a wait for success or failure. See docs/decisions/0025-conditions-that-agree.md.
 */
export function conditionsOf(input: OutcomeInput): readonly ConditionUpdate[] {
  return [...scaleCondition(input), updateCondition(input)];
}

function scaleCondition({ actions, lanes, holding, leftBehind }: OutcomeInput): readonly ConditionUpdate[] {
  const areCreationsTried = actionsOf(actions, 'awaitCreation').length === 0;
  if (lanes.create.failures.length > 0) return [failed('Scale', 'ScaleOutFailed', lanes.create.failures)];
  if (lanes['scale-in'].failures.length > 0) return [failed('Scale', 'ScaleInFailed', lanes['scale-in'].failures)];
  const [blocked] = actionsOf(actions, 'blockCreation');
  if (blocked) return [failed('Scale', 'ScaleOutFailed', [new Error(blocked.reason)])];
  const held = heldMessage(new Map(actionsOf(actions, 'awaitBackOff').map(({ id, hold }) => [id, hold])));
  if (held !== undefined) return [failed('Scale', 'ScaleOutFailed', [new Error(held)])];
  const message = joined(holding.scale, leftBehind);
  if (isPaused(actions, 'scale')) return [unsettled('Scale', 'Paused', message)];
  if (isScalingIn(actions)) return [unsettled('Scale', 'Scaling', message)];
  // If creations were not tried in this pass, the condition keeps its status.
  return areCreationsTried ? [succeeded('Scale', message)] : [];
}

/** True if a scale-in waits, so that this pass does not complete it. */
function isScalingIn(actions: readonly Action[]): boolean {
  return actions.some(
    (action) =>
      'operation' in action &&
      action.operation === 'scale-in' &&
      action.do !== 'delete' &&
      action.do !== 'cancel' &&
      action.do !== 'awaitTermination',
  );
}

function updateCondition({ actions, lanes, holding, kept }: OutcomeInput): ConditionUpdate {
  const failures = [...lanes.update.failures];
  const [refusal] = actionsOf(actions, 'blockRevision');
  if (refusal) failures.push(new Error(refusal.reason));
  const blockage = blockageOf(actions);
  if (blockage !== undefined) failures.push(new Error(blockage));
  if (failures.length > 0) return failed('Update', 'UpdateFailed', failures);
  if (isPaused(actions, 'update')) return unsettled('Update', 'Paused', holding.update);
  if (isUpdating(actions)) return unsettled('Update', 'Updating', holding.update);
  return succeeded('Update', joined(holding.update, kept()));
}

/** Why Pods cannot be updated under the policy of the set, or were refused; undefined if there are no such Pods. */
export function blockageOf(actions: readonly Action[]): string | undefined {
  const blocked = actionsOf(actions, 'blockUpdate');
  const [first] = blocked;
  if (!first) return undefined;
  const others = blocked.length > 1 ? ` and ${blocked.length - 1} more` : '';
  return `Pod ${first.pod.metadata.name}${others} cannot be updated in place: ${first.reason}`;
}

function isUpdating(actions: readonly Action[]): boolean {
  return actions.some((action) => 'operation' in action && action.operation === 'update' && action.do !== 'cancel');
}

function isPaused(actions: readonly Action[], what: 'scale' | 'update'): boolean {
  return actionsOf(actions, 'awaitResume').some((action) => action.of === what);
}

function joined(...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('; ');
}
