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

/** The Pods a CollaSet owns, by the part they play. */
export type Members = {
  /** Running or to run, not on the way out. */
  readonly active: readonly Pod[];
  /** Being deleted. */
  readonly terminating: readonly Pod[];
  /** Succeeded or Failed and not being deleted. */
  readonly finished: readonly Pod[];
  /**
   * Those that hold their instance id's place. With random names a Pod that ends makes room at once; with names by sequence the name
   * must be free first, so terminating and finished Pods hold it as well.
   */
  readonly occupying: readonly Pod[];
  /** New Pods that are to take the place of another occupying one, by that other. */
  readonly successors: ReadonlyMap<Pod, Pod>;
  /** New Pods whose origin has gone out of the count and is still terminating. */
  readonly heirs: ReadonlySet<Pod>;
  /** Those of `occupying` that count towards the replicas: of a pair one, the origin until it goes. */
  readonly counted: readonly Pod[];
  /** Owned, but no longer matched by the selector: to be let go. */
  readonly released: readonly Pod[];
};

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

/** The one of a pair whose place is not to be filled again when it goes. */
function uncountedOf(origin: Pod, successor: Pod): Pod {
  return !isActive(origin) && isActive(successor) ? origin : successor;
}

/** Running or to run, not on the way out. */
export function isActive(pod: Pod): boolean {
  return !isTerminating(pod) && !isTerminal(pod);
}

export function isSequence(set: CollaSet): boolean {
  return namingPolicyOf(set) === 'PersistentSequence';
}

/** The Pod's instance id; undefined when it carries none that can be read. */
export function instanceIdOf(pod: Pod): number | undefined {
  const value = pod.metadata.labels?.[INSTANCE_ID_LABEL];
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

export function revisionNameOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[REVISION_LABEL];
}
