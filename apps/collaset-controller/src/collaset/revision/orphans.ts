// Finds what an earlier set of the same name left behind when it was deleted with `--cascade=orphan`.
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
 * The revisions without an owner that the set adopts, because its orphaned Pods may return to it at these revisions. Their names and labels
 * must be those of the set's own revisions. The revisions of a StatefulSet of the same name lack the label with the collision count.
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

/** Keys of the claims that a Pod without an owner mounts. They have its data, so they stay with it. */
export function claimsOfOrphan({ metadata, spec }: Pod): readonly string[] {
  if (metadata.ownerReferences?.length) return [];
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
    claim ? [`${metadata.namespace}/${claim.claimName}`] : [],
  );
}
