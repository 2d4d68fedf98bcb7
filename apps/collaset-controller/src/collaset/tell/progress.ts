import type { CollaSet, CollaSetStatus, Pod } from '@kuperator/api';
import { rowOf } from '../act/actions.ts';
import { type Action, type ActionKind, podOf } from '../plan/action.ts';

/** The default of `progressDeadlineSeconds`, as in a Deployment. */
const DEFAULT_DEADLINE_SECONDS = 600;
export const DEADLINE_EXCEEDED = 'ProgressDeadlineExceeded';

/** The progress of a set towards its spec. It is kept from pass to pass. */
export type Progress = {
  readonly generation: number;
  /** The lowest number of steps left so far. */
  readonly remaining: number;
  /** Time of the last progress, by the monotonic clock. */
  readonly sinceMs: number;
};

/**
 * The number of steps left until the set matches its spec. Every step of any Pod lowers it, so that a slow rollout of many Pods counts as
 * progress. 0 does not mean that the set is complete.
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

/** The progress after this pass; undefined if the set is complete or paused. */
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

/** True if the status reports that the deadline is exceeded. A replica with an empty memory must not withdraw that report. */
function wasExceeded(status: CollaSetStatus | undefined, generation: number): boolean {
  const said = status?.conditions?.find(({ type }) => type === 'Progressing');
  return said?.reason === DEADLINE_EXCEEDED && said.observedGeneration === generation;
}

/** True if the exceeded deadline was already reported for this generation, so that it gets only one Event. */
export function isOverdueTold(set: CollaSet): boolean {
  return wasExceeded(set.status, set.metadata.generation ?? 0);
}

/** Time until the deadline; 0 or less if it has passed. */
export function deadlineInMs(set: CollaSet, progress: Progress, nowMs: number): number {
  const seconds = set.spec.progressDeadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
  return progress.sinceMs + seconds * 1000 - nowMs;
}
