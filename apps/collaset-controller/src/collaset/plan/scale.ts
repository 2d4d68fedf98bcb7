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
  /** Instance ids that lack a Pod and can get one. */
  readonly missing: number;
  /** Why further ids that lack a Pod cannot get one: what only the user can mend. */
  readonly beyond?: string;
  /** Pods beyond the replicas, whether or not they have been asked to leave: their instance ids go with them. */
  readonly surplus: ReadonlySet<Pod>;
  /** Pods marked `to-delete`, or to be marked: the coordinator deletes them, and their instance id gets another Pod. */
  readonly renewed: ReadonlySet<Pod>;
  /** Among them those that lack the mark. */
  readonly mark: readonly Pod[];
  /** To be asked to leave. */
  readonly begin: readonly Pod[];
  /** Asked to leave, wanted again. */
  readonly cancel: readonly Pod[];
  /** Permitted to leave. */
  readonly delete: readonly Pod[];
  /** Asked to leave, or marked for the coordinator to delete; not permitted yet. */
  readonly waiting: readonly Pod[];
  /** Until the next one of those that only wait for their delay. */
  readonly delayMs: number | undefined;
};

export type ScaleInput = {
  readonly set: CollaSet;
  readonly members: Members;
  /** To be deleted and made anew besides those the user marked. */
  readonly doubles: ReadonlySet<Pod>;
  /** Pods to be let go by the set and left running, now or once nothing else is under way with them. */
  readonly excluded: ReadonlySet<Pod>;
  /** Pods that are on their way into the set. */
  readonly joining: number;
  /** True when the user's podToDelete entry for the Pod is already served. */
  readonly isServed: (pod: Pod) => boolean;
  readonly nowMs: number;
};

/** Next step towards `spec.replicas`. A Pod is deleted only once its PodOpsLifecycle operation is permitted. */
export function planScale(input: ScaleInput): ScalePlan {
  const { set, members, doubles, isServed, nowMs } = input;
  const named = new Set(set.spec.scaleStrategy?.podToDelete ?? []);
  const isNamed = (pod: Pod) => doubles.has(pod) || (named.has(pod.metadata.name ?? '') && !isServed(pod));
  // A paused set wants the Pods it has: nobody is asked to leave, and who was is given back to service.
  const marked = new Set(set.spec.paused ? [] : members.active.filter((pod) => isNamed(pod) || isMarked(pod)));
  const difference = set.spec.paused ? 0 : members.counted.length - replicasOf(set);
  // Marks within a pair are the replacement's own: they say nothing of who is to leave.
  const paired = new Set([...members.successors].flat());
  const chosen = new Set([...marked].filter((pod) => isNamed(pod) || !paired.has(pod)));
  const { surplus, held } = leavers(input, difference, chosen, isNamed);
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
      // Marked, it goes by the coordinator's operation: a second one would only have it drained twice.
      if (isMarked(pod)) waiting.push(pod);
      else begin.push(pod);
      continue;
    }
    const permission = permissionOf(pod, SCALE_IN, delaySeconds, nowMs);
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

/**
 * Pods beyond the replicas, and new Pods of pairs that wait for the end of their replacement although they are named: until the origin
 * is gone, not only on its way.
 */
function leavers(
  { members, excluded }: ScaleInput,
  difference: number,
  marked: ReadonlySet<Pod>,
  isNamed: (pod: Pod) => boolean,
) {
  const surplus = new Set<Pod>();
  const held = new Set<Pod>();
  if (difference <= 0) return { surplus, held };
  const { successors, heirs, counted } = members;
  // What is asked of the new Pod of a pair is asked of the pair.
  const ofPair = (pods: ReadonlySet<Pod>) => {
    const origins = [...successors].flatMap(([origin, successor]) => (pods.has(successor) ? [origin] : []));
    return origins.length === 0 ? pods : new Set([...pods, ...origins]);
  };
  const leavingByExclusion = ofPair(excluded);
  for (const pod of leavingFirst(counted, ofPair(marked), leavingByExclusion).slice(0, difference)) {
    const successor = successors.get(pod);
    // It leaves the set by itself, and is counted until it has.
    if (leavingByExclusion.has(pod) && !marked.has(pod)) continue;
    if (heirs.has(pod) && isNamed(pod) && !hasOperation(pod, COLLASET_OPERATION_ID, SCALE_IN)) {
      held.add(pod);
      continue;
    }
    if (successor && isNamed(successor) && !marked.has(pod)) {
      // Deleted now, it would only be made anew: the replacement comes first, then its Pod is the one that leaves.
      held.add(successor);
      continue;
    }
    surplus.add(pod);
    // A pair counts once and leaves at once (T28).
    if (successor) surplus.add(successor);
  }
  return { surplus, held };
}

/**
 * The order in which Pods leave. The first difference decides; ids and names come last so that every pass picks the same Pods (T6).
 * @returns Pods beyond the replicas are taken from the front
 */
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
    // Times of the API server are RFC 3339 in UTC with whole seconds: text order is time order.
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

/** Orders times latest first; an unset one before all. */
export function newestFirst(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? -1 : 1;
  return a > b ? -1 : 1;
}
