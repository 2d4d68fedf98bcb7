// What a set of this name left behind when it was deleted with its dependents orphaned.
import {
  type CollaSet,
  type ControllerRevision,
  keyOf,
  type PersistentVolumeClaim,
  type Pod,
  REVISION_HASH_LABEL,
} from '@kuperator/api';
import { revisionName } from './revision.ts';

/**
 * Ownerless revisions a set takes over: its Pods, should they come back, are at these. Those of the same name's template and the
 * selector's labels; a selector without labels takes none.
 */
export function adoptableRevisions(
  set: CollaSet,
  unowned: readonly ControllerRevision[],
): readonly ControllerRevision[] {
  const labels = Object.entries(set.spec.selector?.matchLabels ?? {});
  if (labels.length === 0) return [];
  return unowned.filter(({ metadata }) => {
    const hash = metadata.labels?.[REVISION_HASH_LABEL];
    return (
      hash !== undefined &&
      metadata.name === revisionName(set.metadata.name ?? '', hash) &&
      metadata.deletionTimestamp === undefined &&
      labels.every(([key, value]) => metadata.labels?.[key] === value)
    );
  });
}

/** Keys of the claims an ownerless Pod mounts: they are its data, and go with it wherever it goes. */
export function claimsOfOrphan({ metadata, spec }: Pod): readonly string[] {
  if (metadata.ownerReferences?.length) return [];
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
    claim ? [`${metadata.namespace}/${claim.claimName}`] : [],
  );
}

/** @param mounts ownerless Pods that mount the claim of a key */
export function isMountedByOrphan(claim: PersistentVolumeClaim, mounts: (claimKey: string) => readonly Pod[]): boolean {
  return mounts(keyOf(claim)).length > 0;
}
