import {
  keyOf,
  own,
  type Pod,
  type PodTransitionRule,
  RULE_DETAIL_ANNOTATION_PREFIX,
  RULE_FINALIZER,
} from '@kuperator/api';
import { ConflictError, newLaneWindow, type ObjectWriter, runLane } from '@kuperator/runtime';
import type { OwnWrites } from './own-writes.ts';
import { nameOf } from './selection.ts';

/** The most Pods that are written at once. */
const MAX_WRITES = 32;

/** Pods that carry a verdict of `rule` in an annotation, which the coordinator writes. */
export function podsShowing(rule: PodTransitionRule, pods: readonly Pod[]): readonly Pod[] {
  const annotation = detailAnnotation(rule);
  return pods.filter((pod) => own(pod.metadata.annotations, annotation) !== undefined);
}

/**
 * Removes the verdict of `rule` from `pods` (T71).
 * @throws AggregateError with every failure
 */
export async function removeDetails(
  writer: Pick<ObjectWriter<Pod>, 'patch'>,
  rule: PodTransitionRule,
  pods: readonly Pod[],
): Promise<void> {
  const body = { metadata: { annotations: { [detailAnnotation(rule)]: null } } };
  // However the Pod has changed, the verdict no longer applies to it.
  const tasks = pods.map((pod) => async () => {
    await writer.patch(pod, { body, precondition: 'uid' });
  });
  const { failures, conflicts } = await runLane(tasks, { window: newLaneWindow(), max: MAX_WRITES });
  const what = `removing the verdicts of ${keyOf(rule)} from its Pods`;
  if (failures.length > 0) throw new AggregateError(failures, what);
  if (conflicts > 0) throw new ConflictError(`${what}: ${conflicts} have changed`, { status: 409, reason: 'Conflict' });
}

/** Sets or removes the finalizer that gives us the time to clean up. @returns the rule as written; undefined when gone */
export function writeFinalizer(
  ownWrites: Pick<OwnWrites, 'patch'>,
  rule: PodTransitionRule,
  present: boolean,
): Promise<PodTransitionRule | undefined> {
  const { finalizers = [] } = rule.metadata;
  const others = finalizers.filter((finalizer) => finalizer !== RULE_FINALIZER);
  return ownWrites.patch(rule, { body: { metadata: { finalizers: present ? [...others, RULE_FINALIZER] : others } } });
}

export function hasFinalizer(rule: PodTransitionRule): boolean {
  return rule.metadata.finalizers?.includes(RULE_FINALIZER) ?? false;
}

function detailAnnotation(rule: PodTransitionRule): string {
  return `${RULE_DETAIL_ANNOTATION_PREFIX}${nameOf(rule)}`;
}
