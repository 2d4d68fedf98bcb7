// What a set of this name left behind when it was deleted with its dependents orphaned.
import {
  type CollaSet,
  type ControllerRevision,
  type Pod,
  REVISION_COLLISION_LABEL,
  REVISION_HASH_LABEL,
} from '@kuperator/api';
import { revisionName } from './revision.ts';
import { agreesWithSelector } from './selector-labels.ts';

/**
 * Ownerless revisions a set takes over: its Pods, should they come back, are at these. Name and labels must be those that the set
 * gives its own revisions; a StatefulSet of the same name has no collision count among them.
 */
export function adoptableRevisions(
  set: CollaSet,
  unowned: readonly ControllerRevision[],
): readonly ControllerRevision[] {
  return unowned.filter(({ metadata }) => {
    const hash = metadata.labels?.[REVISION_HASH_LABEL];
    return (
      hash !== undefined &&
      metadata.labels?.[REVISION_COLLISION_LABEL] !== undefined &&
      metadata.name === revisionName(set.metadata.name ?? '', hash) &&
      metadata.deletionTimestamp === undefined &&
      agreesWithSelector(set, metadata.labels)
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
