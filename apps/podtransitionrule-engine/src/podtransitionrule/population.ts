import {
  conditionOf,
  controllerOf,
  isReady,
  isTerminal,
  isTerminating,
  type OwnerReference,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
} from '@kuperator/api';
import { isOnlyAskedFor } from './stage.ts';

/** The Pods that share the budgets of a rule. */
export type Population = {
  /** Existing Pods that count, once each. */
  readonly counted: ReadonlySet<Pod>;
  /** Number of Pods that owners desire and that do not exist. They count as unavailable (H6). */
  readonly missing: number;
  /** T, the number to which percentages refer. */
  readonly total: number;
  /** An owner whose replicas have not been read yet, as `kind name`: until then the number of missing Pods is unknown. */
  readonly unread: string | undefined;
};

export type Owners = {
  /** The desired number of Pods of the owner; undefined for an owner of an unknown kind, of which only the existing Pods count. */
  readonly wanted: (owner: OwnerReference, namespace: string) => number | 'unread' | undefined;
  /** Every Pod of the namespace the owner controls, selected or not. */
  readonly owned: (uid: string) => readonly Pod[];
};

/**
 * The total, and how many Pods of it are missing. A deleted Pod counts as missing until its owner has replaced it, so a budget does
 * not recover while its Pods are being replaced (H6). A terminating Pod of such an owner is already counted as missing or has been
 * replaced, so it is not counted a second time (T74).
 */
export function populationOf(selected: readonly Pod[], { wanted, owned }: Owners): Population {
  const wishes = new Map<string, number | 'unread' | undefined>();
  let missing = 0;
  let unread: string | undefined;
  const counted = selected.filter((pod) => {
    const owner = controllerOf(pod);
    if (!owner) return true;
    if (!wishes.has(owner.uid)) {
      const wish = wanted(owner, pod.metadata.namespace ?? '');
      wishes.set(owner.uid, wish);
      if (wish === 'unread') unread ??= `${owner.kind} ${owner.name}`;
      else if (wish !== undefined) missing += Math.max(0, wish - owned(owner.uid).filter(isStaying).length);
    }
    return wishes.get(owner.uid) === undefined || !isTerminating(pod);
  });
  return { counted: new Set(counted), missing, total: counted.length + missing, unread };
}

function isStaying(pod: Pod): boolean {
  return !isTerminating(pod);
}

/**
 * True if the Pod does not serve, so that taking it down costs nothing. The label alone does not decide: it stays on a Pod that is
 * force-deleted, and for a moment on a Pod that fails (H11). And a Pod that was not Ready for a while gets the label back only after its
 * waiting operation has ended. So while the operation only waits, the Pod counts as serving if it is Ready again.
 */
export function isUnavailable(pod: Pod): boolean {
  if (isTerminating(pod) || isTerminal(pod) || !isReady(pod)) return true;
  if (pod.metadata.labels?.[SERVICE_AVAILABLE_LABEL] !== undefined) return false;
  return !(isOnlyAskedFor(pod) && couldServe(pod));
}

/**
 * True if nothing about the Pod itself keeps it from serving: its containers are ready and its readiness gates are open. If it is
 * unavailable all the same, it is about to go into service, or its node has stopped reporting. In the latter case the node lifecycle
 * controller sets Ready to False on each of its Pods and changes nothing else, so its containers may soon have traffic.
 */
export function couldServe(pod: Pod): boolean {
  const isTrue = (type: string) => conditionOf(pod, type)?.status === 'True';
  return (
    !isTerminating(pod) &&
    !isTerminal(pod) &&
    isTrue('ContainersReady') &&
    (pod.spec.readinessGates ?? []).every(({ conditionType }) => isTrue(conditionType))
  );
}
