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

/** Who the budgets of a rule are shared by. */
export type Population = {
  /** Pods that are there and count, once each. */
  readonly counted: ReadonlySet<Pod>;
  /** Pods that should be there and are not: they count as unavailable (H6). */
  readonly missing: number;
  /** T: what percentages are taken of. */
  readonly total: number;
  /** An owner whose wish is not known yet, as `kind name`: until then nobody can say what is missing. */
  readonly unread: string | undefined;
};

export type Owners = {
  /** Pods the owner wants to have; undefined for owners that have no wish we know of: only their existing Pods count. */
  readonly wanted: (owner: OwnerReference, namespace: string) => number | 'unread' | undefined;
  /** Every Pod of the namespace the owner controls, selected or not. */
  readonly owned: (uid: string) => readonly Pod[];
};

/**
 * T and what is missing of it. A Pod that goes for good leaves a gap until its owner has filled it, so a budget does not
 * grow back while its Pods are being replaced (H6). A terminating Pod of such an owner is that gap, or is replaced
 * already: either way it is not counted beside it (T74).
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
 * True when taking the Pod down costs nothing: it does not serve. Not only the label speaks: it stays on a Pod that is
 * force-deleted, and for a moment on one that fails (H11).
 */
export function isUnavailable(pod: Pod): boolean {
  return (
    pod.metadata.labels?.[SERVICE_AVAILABLE_LABEL] === undefined ||
    isTerminating(pod) ||
    isTerminal(pod) ||
    !isReady(pod)
  );
}

/**
 * True when only its node makes the Pod unavailable. The node lifecycle controller sets Ready to False on every Pod of a node that
 * has stopped reporting, and leaves all else as it is: containers ready, readiness gates True. A kubelet never reports that
 * combination. The containers may well run, and all of them would be changed together when the node comes back.
 */
export function isDownWithItsNode(pod: Pod): boolean {
  const isTrue = (type: string) => conditionOf(pod, type)?.status === 'True';
  return (
    pod.metadata.labels?.[SERVICE_AVAILABLE_LABEL] !== undefined &&
    !isTerminating(pod) &&
    !isTerminal(pod) &&
    !isReady(pod) &&
    isTrue('ContainersReady') &&
    (pod.spec.readinessGates ?? []).every(({ conditionType }) => isTrue(conditionType))
  );
}
