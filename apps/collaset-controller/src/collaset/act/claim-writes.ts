import {
  type CollaSet,
  isTerminating,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PVC_TEMPLATE_HASH_LABEL,
  RETAINED_BY_ANNOTATION,
  type Volume,
} from '@kuperator/api';
import { AlreadyExistsError, type ObjectWriter, objectWriter } from '@kuperator/runtime';
import { classesOf, isLess } from '../claims/claim-growth.ts';
import { claimTemplateHash, isClaimOf, sizeOf } from '../claims/claim-template.ts';
import {
  type ClaimSlot,
  claimFor,
  claimOf,
  claimVolume,
  type GrowingInput,
  growingClaimsOf,
  isOwnedBy,
} from '../claims/claims.ts';
import type { ActionOf } from '../plan/action.ts';
import { controllerReference } from '../revision/revision.ts';
import type { ClaimTemplate, Revision } from '../revision/revision-data.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import type { Pass } from './pass.ts';
import { staleCache } from './pod-writes.ts';
import { DONE, type Written } from './written.ts';

const MAX_ATTEMPTS = 10;

/** An instance id and the revision of its Pod. */
type ClaimsInput = { readonly id: number; readonly revision: Revision };

/** Finds or creates the claims of an instance id. Returns the volumes for them. */
export async function ensureClaims(deps: Deps, set: CollaSet, { id, revision }: ClaimsInput): Promise<Volume[]> {
  const volumes: Volume[] = [];
  for (const template of revision.claimTemplates) {
    const owned = deps.claims.byIndex(BY_OWNER, set.metadata.uid ?? '');
    const claim =
      claimOf(owned, id, template) ??
      (await expandFirst(deps, owned, { id, template })) ??
      (await createClaim(deps, set, { id, template }));
    volumes.push(claimVolume(template, claim));
  }
  return volumes;
}

/** Expands the claims of an instance id to the size that the revision asks for. */
export async function expandClaims(deps: Deps, set: CollaSet, { id, revision }: ClaimsInput): Promise<void> {
  for (const template of revision.claimTemplates) {
    const owned = deps.claims.byIndex(BY_OWNER, set.metadata.uid ?? '');
    if (claimOf(owned, id, template)) continue;
    const claims = await expandableClaims(deps, owned, { id, template, anySize: true });
    for (const claim of claims) await expandClaim(deps, claim, template);
  }
}

async function expandFirst(
  deps: Deps,
  owned: readonly PersistentVolumeClaim[],
  slot: ClaimSlot,
): Promise<PersistentVolumeClaim | undefined> {
  const [smaller] = await expandableClaims(deps, owned, { ...slot, anySize: false });
  return smaller && expandClaim(deps, smaller, slot.template);
}

async function expandableClaims(
  deps: Deps,
  owned: readonly PersistentVolumeClaim[],
  input: GrowingInput,
): Promise<readonly PersistentVolumeClaim[]> {
  const smaller = growingClaimsOf(owned, input);
  if (smaller.length === 0) return [];
  const allowed = await deps.storageClasses.expandable(classesOf(smaller));
  return smaller.filter(({ spec }) => allowed.has(spec.storageClassName ?? ''));
}

async function expandClaim(
  deps: Deps,
  claim: PersistentVolumeClaim,
  template: ClaimTemplate,
): Promise<PersistentVolumeClaim | undefined> {
  const storage = sizeOf(template);
  const body = {
    metadata: { labels: { [PVC_TEMPLATE_HASH_LABEL]: claimTemplateHash(template) } },
    // The user may have expanded the claim even further.
    ...(isLess(sizeOf(claim), storage) ? { spec: { resources: { requests: { storage } } } } : {}),
  };
  deps.metrics.wrote('claim');
  return writerOf(deps).patch(claim, { body });
}

function writerOf({ client, claims }: Deps): ObjectWriter<PersistentVolumeClaim> {
  return objectWriter({ client, resource: PERSISTENT_VOLUME_CLAIMS, cache: claims });
}

async function createClaim(deps: Deps, set: CollaSet, { id, template }: ClaimSlot): Promise<PersistentVolumeClaim> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const claim = claimFor(set, { id, template, attempt });
    if (deps.claims.get(keyOf(claim))) continue;
    try {
      const created = await deps.client.create(PERSISTENT_VOLUME_CLAIMS, claim);
      deps.claims.observe(created);
      return created;
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error;
    }
    const { namespace, name = '' } = claim.metadata;
    const existing = await deps.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace, name });
    deps.claims.observe(existing);
    if (isOwnedBy(set, existing) && isClaimOf(existing, template) && !isTerminating(existing)) return existing;
  }
  throw new Error(`creating claim ${template.metadata.name} for instance ${id} of ${keyOf(set)}: all names are taken`);
}

/** Adopts a claim that an earlier set of the same name left behind. */
export async function adoptClaim({ deps, set }: Pass, { claim }: ActionOf<'adoptClaim'>): Promise<Written> {
  const ownerReferences = [controllerReference(set)];
  await patchMetadata(deps, claim, { ownerReferences, annotations: { [RETAINED_BY_ANNOTATION]: null } });
  return DONE;
}

/**
 * Removes the set from the owners of its claims, so that they outlive it, and records the set's name on them. The name is needed because a
 * claim that was included with a Pod is named after another set.
 */
export async function orphanClaims(deps: Deps, set: CollaSet): Promise<void> {
  for (const claim of deps.claims.byIndex(BY_OWNER, set.metadata.uid ?? '')) {
    const ownerReferences = claim.metadata.ownerReferences?.filter((owner) => owner.uid !== set.metadata.uid) ?? [];
    await patchMetadata(deps, claim, { ownerReferences, annotations: { [RETAINED_BY_ANNOTATION]: set.metadata.name } });
  }
}

export async function relabelClaim({ deps }: Pass, action: ActionOf<'relabelClaim'>): Promise<Written> {
  const { claim, labels, annotations } = action;
  await patchMetadata(deps, claim, { labels, annotations });
  return DONE;
}

/**
 * Patches the claim's metadata.
 * @throws ConflictError if the claim has changed, or is gone. A single answer is not enough to remove the claim from the cache.
 */
async function patchMetadata(deps: Deps, claim: PersistentVolumeClaim, changes: object): Promise<void> {
  const written = await writerOf(deps).patch(claim, { body: { metadata: changes }, keepsMissing: true });
  if (!written) throw staleCache(`claim ${keyOf(claim)} is gone`);
}

/** @throws ConflictError if the claim has changed */
export async function deleteClaim({ deps }: Pass, { claim }: ActionOf<'deleteClaim'>): Promise<Written> {
  await writerOf(deps).delete(claim);
  return DONE;
}
