import type { CollaSet, CollaSetStatus, Pod } from '@kuperator/api';
import { rowOf } from '../act/actions.ts';
import { type Action, type ActionKind, podOf } from '../plan/action.ts';

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
 * Steps left until the set has what it asks for. The number falls with every step of any Pod, so that a rollout of many Pods at once is
 * not taken for one that stands still. 0 does not say that the set is complete.
 */
export function stepsLeft(actions: readonly Action[]): number {
  const byPod = new Map<Pod, number>();
  let steps = 0;
  for (const action of actions) {
    const count = rowOf<ActionKind>(action).steps?.(action) ?? 0;
    const pod = podOf(action);
    if (!pod) steps += count;
    else byPod.set(pod, Math.max(byPod.get(pod) ?? 0, count));
  }
  for (const count of byPod.values()) steps += count;
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
