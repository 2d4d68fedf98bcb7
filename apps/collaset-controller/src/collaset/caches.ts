import {
  COLLA_SETS,
  CONTROL_LABEL,
  type CollaSet,
  type ControllerRevision,
  contextNameOf,
  controllerOf,
  type KubeObject,
  type PersistentVolumeClaim,
  type Pod,
} from '@kuperator/api';
import type { InformerOptions } from '@kuperator/runtime';
import { BY_OWNER, ORPHAN_MOUNTS, UNOWNED } from './act/deps.ts';
import { LEFT_BEHIND, leftBehindBy } from './ids/left-behind.ts';
import { claimsOfOrphan } from './revision/orphans.ts';
import { trimClaim, trimPod, trimRevision } from './trim.ts';

type CacheOptions<T extends KubeObject> = Pick<InformerOptions<T>, 'labelSelector' | 'trim' | 'indexes'>;

/** Index of sets by the key of their ResourceContext. */
export const BY_CONTEXT = 'context';

/** Index of sets by the keys of the Pods in their podToInclude. */
export const BY_INCLUDED = 'included';

// For each kind: which objects and fields the cache holds, and its indexes.
export const setCache: CacheOptions<CollaSet> = {
  indexes: {
    [BY_CONTEXT]: (set) => [`${set.metadata.namespace}/${contextNameOf(set)}`],
    [BY_INCLUDED]: ({ metadata, spec }) =>
      (spec.scaleStrategy?.podToInclude ?? []).map((name) => `${metadata.namespace}/${name}`),
  },
};

export const podCache: CacheOptions<Pod> = {
  labelSelector: `${CONTROL_LABEL}=true`,
  trim: trimPod,
  indexes: { [BY_OWNER]: ownerUid, [ORPHAN_MOUNTS]: claimsOfOrphan, [LEFT_BEHIND]: leftBehindBy },
};

export const revisionCache: CacheOptions<ControllerRevision> = {
  trim: trimRevision,
  indexes: { [BY_OWNER]: ownerUid, [UNOWNED]: unownedIn },
};

export const claimCache: CacheOptions<PersistentVolumeClaim> = {
  trim: trimClaim,
  labelSelector: `${CONTROL_LABEL}=true`,
  indexes: {
    [BY_OWNER]: ownerUid,
    [UNOWNED]: unownedIn,
  },
};

function unownedIn({ metadata }: KubeObject): readonly string[] {
  return metadata.ownerReferences?.length ? [] : [metadata.namespace ?? ''];
}

function ownerUid(object: KubeObject): readonly string[] {
  const owner = controllerOf(object);
  return owner?.kind === COLLA_SETS.kind ? [owner.uid] : [];
}
