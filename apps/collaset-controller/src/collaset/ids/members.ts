import {
  type CollaSet,
  INSTANCE_ID_LABEL,
  isTerminal,
  isTerminating,
  matchesSelector,
  namingPolicyOf,
  type Pod,
  REVISION_LABEL,
} from '@kuperator/api';
import { pairsOf } from './pairs.ts';

/** The Pods that a CollaSet owns, by their role. */
export type Members = {
  /** Pods that have not ended and are not being deleted. */
  readonly active: readonly Pod[];
  /** Pods that are being deleted. */
  readonly terminating: readonly Pod[];
  /** Pods that have ended (Succeeded or Failed) and are not being deleted. */
  readonly finished: readonly Pod[];
  /**
   * Pods that occupy their instance id. With random names, these are the active Pods. With sequence names, the next Pod of the id needs the
   * same name, so terminating and finished Pods occupy the id as well.
   */
  readonly occupying: readonly Pod[];
  /** The new Pod of each replace pair, by its origin. Both occupy an id. */
  readonly successors: ReadonlyMap<Pod, Pod>;
  /** Active successors whose origin is terminating. */
  readonly heirs: ReadonlySet<Pod>;
  /** The Pods of `occupying` that count towards the replicas. A pair counts once: as its origin, or as the successor after the origin ends. */
  readonly counted: readonly Pod[];
  /** Owned Pods that the selector no longer matches. The set releases them. */
  readonly released: readonly Pod[];
};

/** Sorts the Pods that a CollaSet owns by their role. */
export function membersOf(set: CollaSet, owned: readonly Pod[]): Members {
  const active: Pod[] = [];
  const terminating: Pod[] = [];
  const finished: Pod[] = [];
  const released: Pod[] = [];
  for (const pod of owned) {
    if (!matchesSelector(set.spec.selector, pod.metadata.labels)) released.push(pod);
    else if (isTerminating(pod)) terminating.push(pod);
    else if (isTerminal(pod)) finished.push(pod);
    else active.push(pod);
  }
  const occupying = isSequence(set) ? [...active, ...terminating, ...finished] : active;
  const successors = pairsOf(occupying);
  const uncounted = new Set([...successors].map(([origin, successor]) => uncountedOf(origin, successor)));
  const counted = uncounted.size === 0 ? occupying : occupying.filter((pod) => !uncounted.has(pod));
  const heirs = heirsOf(active, terminating);
  return { active, terminating, finished, occupying, successors, heirs, counted, released };
}

function heirsOf(active: readonly Pod[], terminating: readonly Pod[]): ReadonlySet<Pod> {
  const pairs = terminating.length > 0 ? [...pairsOf([...active, ...terminating])] : [];
  return new Set(
    pairs.flatMap(([origin, successor]) => (isTerminating(origin) && isActive(successor) ? successor : [])),
  );
}

/** The Pod of the pair that does not count towards the replicas. */
function uncountedOf(origin: Pod, successor: Pod): Pod {
  return !isActive(origin) && isActive(successor) ? origin : successor;
}

/** True if the Pod has not ended and is not being deleted. */
export function isActive(pod: Pod): boolean {
  return !isTerminating(pod) && !isTerminal(pod);
}

/** True if the set's Pods have sequence names, `<set>-<id>`, because its naming policy is PersistentSequence. */
export function isSequence(set: CollaSet): boolean {
  return namingPolicyOf(set) === 'PersistentSequence';
}

/** The Pod's instance id; undefined if its label is missing or invalid. */
export function instanceIdOf(pod: Pod): number | undefined {
  const value = pod.metadata.labels?.[INSTANCE_ID_LABEL];
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

export function revisionNameOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[REVISION_LABEL];
}
