// What a CollaSet means where it says nothing. The API server writes some of these defaults, but objects older than our CRD and
// empty strings (as the Go types send them) come without.
import type { CollaSet, PodNamingSuffixPolicy, PodUpgradePolicy } from './collaset.ts';
import { DEFAULT_REPLICAS, MAX_HISTORY } from './collaset-rules.ts';

/** Wanted Pods; unset is 1, as for a Deployment. */
export function replicasOf(set: CollaSet): number {
  return set.spec.replicas ?? DEFAULT_REPLICAS;
}

/** Number of Pods to keep un-updated; unset is 0, and so is a set that updates by label. */
export function partitionOf(set: CollaSet): number {
  return updatesByLabel(set) ? 0 : (set.spec.updateStrategy?.rollingUpdate?.byPartition?.partition ?? 0);
}

/** True when only Pods labelled `collaset.kusionstack.io/update-included` are updated; wins over a partition. */
export function updatesByLabel(set: CollaSet): boolean {
  return set.spec.updateStrategy?.rollingUpdate?.byLabel != null;
}

/** Unset or empty is `InPlaceIfPossible`. */
export function updatePolicyOf(set: CollaSet): PodUpgradePolicy {
  return set.spec.updateStrategy?.podUpgradePolicy || 'InPlaceIfPossible';
}

/** Unset or empty is `Random`. */
export function namingPolicyOf(set: CollaSet): PodNamingSuffixPolicy {
  return set.spec.namingStrategy?.podNamingSuffixPolicy || 'Random';
}

/** Unused revisions to keep; unset is 20, a negative one 0, and more than are kept for anybody is as many as are. */
export function historyLimitOf(set: CollaSet): number {
  return Math.min(MAX_HISTORY, Math.max(0, set.spec.historyLimit ?? 20));
}

/** Name of the ResourceContext that holds the instance ids; unset or empty is the set's own name. */
export function contextNameOf(set: CollaSet): string {
  return set.spec.scaleStrategy?.context || (set.metadata.name ?? '');
}

/**
 * Seconds between permission and the operation itself. A scale-in without a delay of its own takes the update's: that is the one
 * the Go implementation obeys for both.
 */
export function operationDelaySecondsOf(set: CollaSet, operation: 'update' | 'scale-in'): number {
  const update = set.spec.updateStrategy?.operationDelaySeconds ?? 0;
  return operation === 'update' ? update : (set.spec.scaleStrategy?.operationDelaySeconds ?? update);
}

/** True when PVCs outlive the event; anything but `Retain` is Delete. */
export function retainsClaims(set: CollaSet, when: 'whenDeleted' | 'whenScaled'): boolean {
  return set.spec.scaleStrategy?.persistentVolumeClaimRetentionPolicy?.[when] === 'Retain';
}
