import {
  apiVersionOf,
  CONTROL_LABEL,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  matchesSelector,
  namePrefix,
  ORPHANED_LABEL,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  type Pod,
  PVC_TEMPLATE_HASH_LABEL,
  PVC_TEMPLATE_NAME_LABEL,
  retainsClaims,
  type Volume,
} from '@kuperator/api';
import { isLess, sizeOf } from './claim-growth.ts';
import { nameSuffix, safeHash } from './fnv.ts';
import { goStructJson, sorted } from './go-json.ts';
import { meaningOf } from './meaning.ts';
import { instanceIdOf } from './members.ts';
import { controllerReference } from './revision.ts';
import type { ClaimTemplate } from './revision-data.ts';

/** Hash of a claim template as the Go implementation labels its claims with: existing ones must be found again. */
export function claimTemplateHash(template: ClaimTemplate): string {
  const { metadata, spec } = template;
  return safeHash(
    goStructJson({
      kind: template.kind || undefined,
      apiVersion: template.apiVersion || undefined,
      metadata: {
        name: metadata?.name,
        namespace: metadata?.namespace || undefined,
        creationTimestamp: null,
        labels: nonEmpty(sorted(metadata?.labels)),
        annotations: nonEmpty(sorted(metadata?.annotations)),
        finalizers: nonEmpty(metadata?.finalizers),
      },
      spec: {
        accessModes: nonEmpty(spec?.accessModes),
        selector: sorted(spec?.selector),
        resources: sorted(spec?.resources ?? {}),
        volumeName: spec?.volumeName || undefined,
        storageClassName: spec?.storageClassName,
        volumeMode: spec?.volumeMode,
        dataSource: spec?.dataSource,
        dataSourceRef: spec?.dataSourceRef,
      },
      status: template.status ?? {},
    }),
  );
}

function nonEmpty<T>(value: T): T | undefined {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0 ? value : undefined;
}

/** The set's claim for an instance id and template, if it exists. */
export function claimOf(
  owned: readonly PersistentVolumeClaim[],
  id: number,
  template: ClaimTemplate,
): PersistentVolumeClaim | undefined {
  const hash = claimTemplateHash(template);
  return owned.find(
    (claim) =>
      !isTerminating(claim) &&
      claim.metadata.labels?.[INSTANCE_ID_LABEL] === String(id) &&
      claim.metadata.labels[PVC_TEMPLATE_NAME_LABEL] === template.metadata.name &&
      claim.metadata.labels[PVC_TEMPLATE_HASH_LABEL] === hash,
  );
}

/**
 * The set's bound claims for an instance id that an expansion would make those of the template. What else a template says cannot be
 * read from a claim, so they are taken for those of the same template when nothing but the size differs from what it asks for.
 * @param anySize true when the template is known to have grown: then the user may have expanded the claim first
 */
export function growingClaimsOf(
  owned: readonly PersistentVolumeClaim[],
  id: number,
  template: ClaimTemplate,
  anySize: boolean,
): readonly PersistentVolumeClaim[] {
  const { accessModes, storageClassName, volumeMode } = template.spec ?? {};
  return owned.filter(
    (claim) =>
      !isTerminating(claim) &&
      claim.metadata.labels?.[INSTANCE_ID_LABEL] === String(id) &&
      claim.metadata.labels[PVC_TEMPLATE_NAME_LABEL] === template.metadata.name &&
      claim.status?.phase === 'Bound' &&
      (anySize || isLess(sizeOf(claim), sizeOf(template))) &&
      meaningOf(claim.spec.accessModes) === meaningOf(accessModes) &&
      (storageClassName === undefined || storageClassName === claim.spec.storageClassName) &&
      (volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem'),
  );
}

/** @param attempt grows while claims on their way out still have the names before */
export function claimFor(set: CollaSet, id: number, template: ClaimTemplate, attempt: number): PersistentVolumeClaim {
  const hash = claimTemplateHash(template);
  const { name: templateName = '', namespace: _, creationTimestamp: __, ...metadata } = template.metadata;
  const prefix = `${set.metadata.name}-${templateName}`;
  return {
    apiVersion: apiVersionOf(PERSISTENT_VOLUME_CLAIMS),
    kind: PERSISTENT_VOLUME_CLAIMS.kind,
    metadata: {
      ...metadata,
      name: `${namePrefix(prefix, 247)}-${nameSuffix(`${set.metadata.uid}/${id}/${templateName}/${hash}/${attempt}`)}`,
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      labels: {
        ...metadata.labels,
        ...set.spec.selector?.matchLabels,
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

/**
 * Claims nobody needs any more: of instance ids that are gone, and of templates that changed, once the id's Pod runs with the new claim.
 * None under `whenScaled: Retain`. Claims a Pod of ours mounts stay (T59).
 * @param ids instance ids that have or are to have a Pod
 */
export function unusedClaims(
  set: CollaSet,
  owned: readonly PersistentVolumeClaim[],
  pods: readonly Pod[],
  ids: ReadonlySet<number>,
  templates: readonly ClaimTemplate[],
): readonly PersistentVolumeClaim[] {
  if (owned.length === 0 || retainsClaims(set, 'whenScaled')) return [];
  const mounted = new Set<string>();
  const running = new Set<number>();
  for (const pod of pods) {
    const id = instanceIdOf(pod);
    if (!isTerminating(pod) && id !== undefined) running.add(id);
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.persistentVolumeClaim) mounted.add(volume.persistentVolumeClaim.claimName);
    }
  }
  const hashes = new Map(templates.map((template) => [template.metadata.name, claimTemplateHash(template)]));
  return owned.filter((claim) => {
    const {
      [INSTANCE_ID_LABEL]: idText,
      [PVC_TEMPLATE_NAME_LABEL]: name,
      [PVC_TEMPLATE_HASH_LABEL]: hash,
    } = claim.metadata.labels ?? {};
    if (isTerminating(claim) || mounted.has(claim.metadata.name ?? '') || idText === undefined) return false;
    const id = Number(idText);
    return ids.has(id) ? running.has(id) && hashes.get(name) !== hash : true;
  });
}

/** Claims a set of the same selector left behind for its successor (T61). */
export function adoptableClaims(
  set: CollaSet,
  unowned: readonly PersistentVolumeClaim[],
): readonly PersistentVolumeClaim[] {
  return unowned.filter(
    ({ metadata }) =>
      metadata.namespace === set.metadata.namespace &&
      metadata.deletionTimestamp === undefined &&
      (metadata.ownerReferences ?? []).length === 0 &&
      metadata.labels?.[INSTANCE_ID_LABEL] !== undefined &&
      metadata.labels[PVC_TEMPLATE_HASH_LABEL] !== undefined &&
      metadata.labels[ORPHANED_LABEL] === undefined &&
      matchesSelector(set.spec.selector, metadata.labels),
  );
}

export function isOwnedBy(set: CollaSet, object: Pod | PersistentVolumeClaim): boolean {
  return controllerOf(object)?.uid === set.metadata.uid;
}
