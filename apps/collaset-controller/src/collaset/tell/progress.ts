import { COLLASET_OPERATION_ID, type CollaSet, type CollaSetStatus } from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import type { Plan } from '../plan/plan.ts';

/** As a Deployment's. */
const DEFAULT_DEADLINE_SECONDS = 600;
export const DEADLINE_EXCEEDED = 'ProgressDeadlineExceeded';

/** How far a set is from what it asks for, and since when no nearer; kept from pass to pass. */
export type Progress = {
  readonly generation: number;
  readonly remaining: number;
  /** By the monotonic clock. */
  readonly sinceMs: number;
};

/**
 * Steps left until the set has what it asks for; falls with every step of any Pod, so that a rollout of many Pods at once is not taken
 * for one that stands still. 0 says nothing of whether it is complete.
 */
export function stepsLeft(
  { members, scale, update }: Plan,
  isAvailable: (pod: Plan['members']['active'][number]) => boolean,
): number {
  let steps = 2 * scale.missing;
  for (const pod of members.active) {
    const isOperating = hasOperation(pod, COLLASET_OPERATION_ID);
    if (scale.surplus.has(pod) || scale.renewed.has(pod) || update.pending.has(pod)) steps += isOperating ? 3 : 4;
    else if (isOperating) steps += 2;
    else if (!isAvailable(pod)) steps += 1;
  }
  return steps;
}

/** The progress after this pass; undefined when the set has all it asks for or is not to get there. */
export function progressOf(
  set: CollaSet,
  last: Progress | undefined,
  { isComplete, remaining, nowMs }: { isComplete: boolean; remaining: number; nowMs: number },
): Progress | undefined {
  if (isComplete || set.spec.paused) return undefined;
  const generation = set.metadata.generation ?? 0;
  if (!last)
    return { generation, remaining, sinceMs: wasExceeded(set.status, generation) ? Number.NEGATIVE_INFINITY : nowMs };
  if (last.generation !== generation || remaining < last.remaining) return { generation, remaining, sinceMs: nowMs };
  return last;
}

/** A replica that begins with an empty memory does not take back what was said of this generation. */
function wasExceeded(status: CollaSetStatus | undefined, generation: number): boolean {
  const said = status?.conditions?.find(({ type }) => type === 'Progressing');
  return said?.reason === DEADLINE_EXCEEDED && said.observedGeneration === generation;
}

/** True once it was said of what the set asks for now: the Event goes with the condition, once. */
export function isOverdueTold(set: CollaSet): boolean {
  return wasExceeded(set.status, set.metadata.generation ?? 0);
}

/** Until the deadline; 0 or less when it has passed. */
export function deadlineInMs(set: CollaSet, progress: Progress, nowMs: number): number {
  const seconds = set.spec.progressDeadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
  return progress.sinceMs + seconds * 1000 - nowMs;
}
