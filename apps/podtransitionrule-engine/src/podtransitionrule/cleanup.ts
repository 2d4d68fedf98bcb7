import {
  keyOf,
  own,
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  RULE_DETAIL_ANNOTATION_PREFIX,
  RULE_FINALIZER,
} from '@kuperator/api';
import { ConflictError, type KubeClient, NotFoundError, newLaneWindow, runLane } from '@kuperator/runtime';
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
  client: Pick<KubeClient, 'patch'>,
  rule: PodTransitionRule,
  pods: readonly Pod[],
): Promise<void> {
  const body = { metadata: { annotations: { [detailAnnotation(rule)]: null } } };
  const tasks = pods.map((pod) => async () => {
    const ref = { namespace: pod.metadata.namespace, name: nameOf(pod) };
    await client.patch(PODS, ref, { type: 'merge', body }).catch(ignoreNotFound);
  });
  const { failures, conflicts } = await runLane(tasks, { window: newLaneWindow(), max: MAX_WRITES });
  const what = `removing the verdicts of ${keyOf(rule)} from its Pods`;
  if (failures.length > 0) throw new AggregateError(failures, what);
  if (conflicts > 0) throw new ConflictError(`${what}: ${conflicts} have changed`, { status: 409, reason: 'Conflict' });
}

/** Sets or removes the finalizer that gives us the time to clean up. @returns the rule as written; undefined when gone */
export async function writeFinalizer(
  client: Pick<KubeClient, 'patch'>,
  rule: PodTransitionRule,
  present: boolean,
): Promise<PodTransitionRule | undefined> {
  const { namespace, resourceVersion, finalizers = [] } = rule.metadata;
  const others = finalizers.filter((finalizer) => finalizer !== RULE_FINALIZER);
  const body = { metadata: { resourceVersion, finalizers: present ? [...others, RULE_FINALIZER] : others } };
  return client
    .patch(POD_TRANSITION_RULES, { namespace, name: nameOf(rule) }, { type: 'merge', body })
    .catch(ignoreNotFound);
}

export function hasFinalizer(rule: PodTransitionRule): boolean {
  return rule.metadata.finalizers?.includes(RULE_FINALIZER) ?? false;
}

export function ignoreNotFound(error: unknown): undefined {
  if (error instanceof NotFoundError) return undefined;
  throw error;
}

function detailAnnotation(rule: PodTransitionRule): string {
  return `${RULE_DETAIL_ANNOTATION_PREFIX}${nameOf(rule)}`;
}
