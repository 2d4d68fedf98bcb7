import {
  apiVersionOf,
  CONTROL_LABEL,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  namePrefix,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  type Pod,
  PVC_TEMPLATE_HASH_LABEL,
  PVC_TEMPLATE_NAME_LABEL,
  retainsClaims,
  type Volume,
} from '@kuperator/api';
import { instanceIdOf } from '../ids/members.ts';
import { nameSuffix } from '../revision/fnv.ts';
import { controllerReference } from '../revision/revision.ts';
import type { ClaimTemplate } from '../revision/revision-data.ts';
import { selectorLabelsOf } from '../revision/selector-labels.ts';
import { canGrowTo } from './claim-growth.ts';
import { claimTemplateHash, isButForSize, isClaimOf } from './claim-template.ts';

const MAX_NAME = 253;

/** The set's claim for an instance id and template; undefined if there is none. Of several claims, the newest, which the last Pod had. */
export function claimOf(
  owned: readonly PersistentVolumeClaim[],
  id: number,
  template: ClaimTemplate,
): PersistentVolumeClaim | undefined {
  return owned.filter((claim) => isUsable(claim, id) && isClaimOf(claim, template)).toSorted(newestFirst)[0];
}

/** An instance id and a claim template of its Pods. */
export type ClaimSlot = { readonly id: number; readonly template: ClaimTemplate };

export type GrowingInput = ClaimSlot & {
  /** True if the template is known to have grown. Claims that the user expanded even further then count as well. */
  readonly anySize: boolean;
};

/** The set's bound claims for an instance id that differ from the template only in their size, so that an expansion makes them fit. */
export function growingClaimsOf(
  owned: readonly PersistentVolumeClaim[],
  { id, template, anySize }: GrowingInput,
): readonly PersistentVolumeClaim[] {
  return owned.filter(
    (claim) =>
      isUsable(claim, id) &&
      (canGrowTo(claim, template) || (anySize && claim.status?.phase === 'Bound' && isButForSize(claim, template))),
  );
}

function isUsable(claim: PersistentVolumeClaim, id: number): boolean {
  return !isTerminating(claim) && claimIdOf(claim) === id;
}

export function newestFirst({ metadata: a }: PersistentVolumeClaim, { metadata: b }: PersistentVolumeClaim): number {
  const times = [a, b].map(({ creationTimestamp }) => Date.parse(creationTimestamp ?? '') || 0) as [number, number];
  return times[1] - times[0] || ((a.name ?? '') < (b.name ?? '') ? -1 : 1);
}

/** The claim's instance id; undefined if its label is missing or invalid. */
export function claimIdOf({ metadata }: PersistentVolumeClaim): number | undefined {
  const value = metadata.labels?.[INSTANCE_ID_LABEL];
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

type ClaimInput = ClaimSlot & {
  /** Part of the claim's name. It grows while terminating claims still have the earlier names. */
  readonly attempt: number;
};

/** The claim that should exist for an instance id and template. */
export function claimFor(set: CollaSet, { id, template, attempt }: ClaimInput): PersistentVolumeClaim {
  const hash = claimTemplateHash(template);
  const { name: templateName = '', namespace: _, creationTimestamp: __, ...metadata } = template.metadata;
  const prefix = `${set.metadata.name}-${templateName}`;
  const generateName = `${prefix}-`;
  return {
    apiVersion: apiVersionOf(PERSISTENT_VOLUME_CLAIMS),
    kind: PERSISTENT_VOLUME_CLAIMS.kind,
    metadata: {
      ...metadata,
      name: `${namePrefix(prefix, 247)}-${nameSuffix(`${set.metadata.uid}/${id}/${templateName}/${hash}/${attempt}`)}`,
      // As in the Go implementation. Unlike the name, it is not truncated, so it identifies the set.
      ...(generateName.length <= MAX_NAME ? { generateName } : {}),
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      labels: {
        ...metadata.labels,
        ...selectorLabelsOf(set),
        [CONTROL_LABEL]: 'true',
        [INSTANCE_ID_LABEL]: String(id),
        [PVC_TEMPLATE_NAME_LABEL]: templateName,
        [PVC_TEMPLATE_HASH_LABEL]: hash,
      },
      ownerReferences: [controllerReference(set)],
    },
    spec: template.spec,
  };
}

/** The Pod's volume for a claim. */
export function claimVolume(template: ClaimTemplate, claim: PersistentVolumeClaim): Volume {
  return {
    name: template.metadata.name ?? '',
    persistentVolumeClaim: { claimName: claim.metadata.name ?? '', readOnly: false },
  };
}

export type ClaimUse = {
  readonly owned: readonly PersistentVolumeClaim[];
  /** All Pods of the set, in any state. */
  readonly pods: readonly Pod[];
  /** Ids that have or get a Pod. */
  readonly ids: ReadonlySet<number>;
  /** Ids that the set has given up, together with their claims. */
  readonly ended: ReadonlySet<number>;
  /** Claim templates of every revision at which a Pod may be created. */
  readonly templates: readonly ClaimTemplate[];
};

/**
 * The claims that may be deleted as far as the caches show: claims of ids that the set has given up, and claims of templates that no used
 * revision has any more, once the id's Pod runs without them. A claim of another id without a Pod stays, because it may have been retained
 * from an earlier set of the same name. Mounted claims stay (T59).
 */
export function unusedClaims(
  set: CollaSet,
  { owned, pods, ids, ended, templates }: ClaimUse,
): readonly PersistentVolumeClaim[] {
  if (owned.length === 0) return [];
  const mounted = new Set(pods.flatMap(claimNamesOf));
  const running = new Set(pods.flatMap((pod) => (isTerminating(pod) ? [] : (instanceIdOf(pod) ?? []))));
  const retains = retainsClaims(set, 'whenScaled');
  return owned.filter((claim) => {
    const id = claimIdOf(claim);
    if (isTerminating(claim) || id === undefined || mounted.has(claim.metadata.name ?? '')) return false;
    if (ended.has(id)) return true;
    return !retains && ids.has(id) && running.has(id) && !templates.some((template) => isClaimOf(claim, template));
  });
}

/** Names of the claims that the Pod mounts. */
export function claimNamesOf({ spec }: Pod): readonly string[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => (claim ? [claim.claimName] : []));
}

/** The instance ids for which there are claims. */
export function claimedIdsOf(owned: readonly PersistentVolumeClaim[]): ReadonlySet<number> {
  return new Set(owned.flatMap((claim) => (isTerminating(claim) ? [] : (claimIdOf(claim) ?? []))));
}

export function isOwnedBy(set: CollaSet, object: Pod | PersistentVolumeClaim): boolean {
  return controllerOf(object)?.uid === set.metadata.uid;
}

/** True if the claim has no owner and is not being deleted. */
export function isNobodys(claim: PersistentVolumeClaim): boolean {
  return !isTerminating(claim) && !claim.metadata.ownerReferences?.length;
}
