// The defaults of a CollaSet. The API server fills in some of them, but not for objects that are older than our CRD, and not for the empty
// strings that Go clients send.
import type { CollaSet, PodNamingSuffixPolicy, PodUpgradePolicy } from './collaset.ts';
import { DEFAULT_REPLICAS, MAX_HISTORY } from './collaset-rules.ts';

/** Desired number of Pods; 1 if unset, as for a Deployment. */
export function replicasOf(set: CollaSet): number {
  return set.spec.replicas ?? DEFAULT_REPLICAS;
}

/** Number of Pods that keep their old revision; 0 if unset, or if the set updates by label. */
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

/** Number of unused revisions to keep: 20 if unset, 0 if negative, and at most {@link MAX_HISTORY}. */
export function historyLimitOf(set: CollaSet): number {
  return Math.min(MAX_HISTORY, Math.max(0, set.spec.historyLimit ?? 20));
}

/** Name of the ResourceContext that holds the instance ids; unset or empty is the set's own name. */
export function contextNameOf(set: CollaSet): string {
  return set.spec.scaleStrategy?.context || (set.metadata.name ?? '');
}

/**
 * Seconds between the permission and the operation itself. A scale-in without its own delay uses that of updates, because the Go
 * implementation uses that one for both.
 */
export function operationDelaySecondsOf(set: CollaSet, operation: 'update' | 'scale-in'): number {
  const update = set.spec.updateStrategy?.operationDelaySeconds ?? 0;
  return operation === 'update' ? update : (set.spec.scaleStrategy?.operationDelaySeconds ?? update);
}

/** True if claims outlive the deletion or scale-in. Every value except `Retain` means Delete. */
export function retainsClaims(set: CollaSet, when: 'whenDeleted' | 'whenScaled'): boolean {
  return set.spec.scaleStrategy?.persistentVolumeClaimRetentionPolicy?.[when] === 'Retain';
}
