import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  conditionOf,
  isReady,
  isTerminating,
  operationDelaySecondsOf,
  type Pod,
  replicasOf,
} from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import { instanceIdOf, type Members } from '../ids/members.ts';
import { isMarked, SCALE_IN } from './leaving.ts';
import { permissionOf } from './permission.ts';

export type ScalePlan = {
  /** How many Pods the set lacks and can create. */
  readonly missing: number;
  /** Why the set cannot create further Pods that it lacks. Only the user can resolve this. */
  readonly beyond?: string;
  /** Pods beyond `spec.replicas`, whether or not their scale-in has begun. The set gives up their instance ids. */
  readonly surplus: ReadonlySet<Pod>;
  /** Pods that have or get the label `to-delete`. The coordinator deletes them, and their instance ids get other Pods. */
  readonly renewed: ReadonlySet<Pod>;
  /** The Pods of `renewed` that lack the label. */
  readonly mark: readonly Pod[];
  /** Pods whose scale-in begins. */
  readonly begin: readonly Pod[];
  /** Pods whose scale-in is cancelled, because the set wants them again. */
  readonly cancel: readonly Pod[];
  /** Pods whose scale-in is permitted. */
  readonly delete: readonly Pod[];
  /** Pods whose scale-in, or whose deletion by the coordinator, is not permitted yet. */
  readonly waiting: readonly Pod[];
  /** Time until the operation delay of the next permitted Pod ends; undefined if no Pod waits for its delay. */
  readonly delayMs: number | undefined;
};

type ScaleInput = {
  readonly set: CollaSet;
  readonly members: Members;
  /** Pods to recreate because their instance id belongs to another Pod. */
  readonly doubles: ReadonlySet<Pod>;
  /** Pods that the set releases and leaves running, now or after their replacement. */
  readonly excluded: ReadonlySet<Pod>;
  /** How many Pods the set is about to include. */
  readonly joining: number;
  /** True if the Pod was already recreated for its entry in podToDelete. */
  readonly isServed: (pod: Pod) => boolean;
  readonly nowMs: number;
};

/** Next step towards `spec.replicas`. A Pod is deleted only once its PodOpsLifecycle operation is permitted. */
export function planScale(input: ScaleInput): ScalePlan {
  const { set, members, doubles, isServed, nowMs } = input;
  const named = new Set(set.spec.scaleStrategy?.podToDelete ?? []);
  const isNamed = (pod: Pod) => doubles.has(pod) || (named.has(pod.metadata.name ?? '') && !isServed(pod));
  // While the set is paused, no scale-in starts and running ones are cancelled.
  const marked = new Set(set.spec.paused ? [] : members.active.filter((pod) => isNamed(pod) || isMarked(pod)));
  const difference = set.spec.paused ? 0 : members.counted.length - replicasOf(set);
  // Within a replace pair, the replacement sets the marks. They do not choose a Pod for the scale-in.
  const paired = new Set([...members.successors].flat());
  const chosen = new Set([...marked].filter((pod) => isNamed(pod) || !paired.has(pod)));
  const { surplus, held } = chooseSurplus(input, { difference, marked: chosen, isNamed });
  const renewed = new Set([...marked].filter((pod) => !surplus.has(pod) && !held.has(pod)));
  const mark = [...renewed].filter((pod) => !isMarked(pod));

  const begin: Pod[] = [];
  const cancel: Pod[] = [];
  const permitted: Pod[] = [];
  const waiting: Pod[] = [];
  let delayMs: number | undefined;
  const delaySeconds = operationDelaySecondsOf(set, SCALE_IN);
  for (const pod of members.active) {
    const isAsked = hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN);
    if (!surplus.has(pod)) {
      if (isAsked) cancel.push(pod);
      continue;
    }
    if (!isAsked) {
      // The coordinator's operation already deletes a marked Pod. A second operation would drain the Pod twice.
      if (isMarked(pod)) waiting.push(pod);
      else begin.push(pod);
      continue;
    }
    const permission = permissionOf(pod, { type: SCALE_IN, delaySeconds, nowMs });
    if (permission === 'granted') {
      permitted.push(pod);
      continue;
    }
    waiting.push(pod);
    if (permission !== 'none') delayMs = Math.min(delayMs ?? permission.delayMs, permission.delayMs);
  }
  const missing = set.spec.paused ? 0 : Math.max(0, -difference - input.joining);
  return { missing, surplus, renewed, mark, begin, cancel, delete: permitted, waiting, delayMs };
}

type Surplus = {
  readonly surplus: ReadonlySet<Pod>;
  /** Successors that are listed in podToDelete, but stay until their origin is gone and not only terminating. */
  readonly held: ReadonlySet<Pod>;
};

type SurplusInput = {
  /** How many Pods the set has beyond `spec.replicas`. */
  readonly difference: number;
  /** Pods that leave before all others. */
  readonly marked: ReadonlySet<Pod>;
  /** True if podToDelete lists the Pod, or its instance id belongs to another Pod. */
  readonly isNamed: (pod: Pod) => boolean;
};

/** Chooses the Pods beyond `spec.replicas`. */
function chooseSurplus({ members, excluded }: ScaleInput, { difference, marked, isNamed }: SurplusInput): Surplus {
  const surplus = new Set<Pod>();
  const held = new Set<Pod>();
  if (difference <= 0) return { surplus, held };
  const { successors, heirs, counted } = members;
  // The origin stands for its pair, so a request for the successor chooses the origin.
  const ofPair = (pods: ReadonlySet<Pod>) => {
    const origins = [...successors].flatMap(([origin, successor]) => (pods.has(successor) ? [origin] : []));
    return origins.length === 0 ? pods : new Set([...pods, ...origins]);
  };
  const leavingByExclusion = ofPair(excluded);
  for (const pod of leavingFirst(counted, ofPair(marked), leavingByExclusion).slice(0, difference)) {
    const successor = successors.get(pod);
    // The exclusion removes the Pod from the set. Until then, the Pod counts.
    if (leavingByExclusion.has(pod) && !marked.has(pod)) continue;
    if (heirs.has(pod) && isNamed(pod) && !hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN)) {
      held.add(pod);
      continue;
    }
    if (successor && isNamed(successor) && !marked.has(pod)) {
      // If the successor were deleted now, the replacement would create another one. It leaves after the replacement.
      held.add(successor);
      continue;
    }
    surplus.add(pod);
    // A pair counts as one Pod, so both of its Pods leave together (T28).
    if (successor) surplus.add(successor);
  }
  return { surplus, held };
}

/** Sorts Pods so that those that leave first come first. Ids and names break ties, so that every pass chooses the same Pods (T6). */
export function leavingFirst(
  pods: readonly Pod[],
  marked: ReadonlySet<Pod>,
  excludedPods: ReadonlySet<Pod> = new Set(),
): readonly Pod[] {
  const rank = (pod: Pod) => ({
    pod,
    marked: marked.has(pod) ? 0 : 1,
    excluded: excludedPods.has(pod) ? 0 : 1,
    leaving: hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN) ? 0 : 1,
    terminating: isTerminating(pod) ? 0 : 1,
    ready: isReady(pod) ? 1 : 0,
    // Timestamps of the API server are RFC 3339 in UTC with whole seconds, so they sort as text.
    readySince: conditionOf(pod, 'Ready')?.lastTransitionTime ?? '',
    created: pod.metadata.creationTimestamp ?? '',
    id: instanceIdOf(pod) ?? Number.MAX_SAFE_INTEGER,
    name: pod.metadata.name ?? '',
  });
  return pods
    .map(rank)
    .sort(
      (a, b) =>
        a.marked - b.marked ||
        a.excluded - b.excluded ||
        a.leaving - b.leaving ||
        a.terminating - b.terminating ||
        a.ready - b.ready ||
        (a.ready === 1 ? newestFirst(a.readySince, b.readySince) : 0) ||
        newestFirst(a.created, b.created) ||
        b.id - a.id ||
        (a.name < b.name ? 1 : -1),
    )
    .map(({ pod }) => pod);
}

/** Compares timestamps: the latest first, and an unset one before all. */
export function newestFirst(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? -1 : 1;
  return a > b ? -1 : 1;
}
