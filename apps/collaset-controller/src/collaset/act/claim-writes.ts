import {
  type CollaSet,
  isTerminating,
  keyOf,
  own,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PVC_TEMPLATE_HASH_LABEL,
  RETAINED_BY_ANNOTATION,
  type Volume,
} from '@kuperator/api';
import { AlreadyExistsError, ConflictError, NotFoundError } from '@kuperator/runtime';
import { classesOf, isLess } from '../claims/claim-growth.ts';
import { claimTemplateHash, isClaimOf, sizeOf } from '../claims/claim-template.ts';
import { claimFor, claimOf, claimVolume, growingClaimsOf, isOwnedBy } from '../claims/claims.ts';
import { controllerReference } from '../revision/revision.ts';
import type { ClaimTemplate, Revision } from '../revision/revision-data.ts';
import { selectorLabelsOf } from '../revision/selector-labels.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import { staleCache } from './pod-writes.ts';

const MAX_ATTEMPTS = 10;

/** The volumes of an instance id's claims, each claim found again or created. */
export async function ensureClaims(deps: Deps, set: CollaSet, id: number, revision: Revision): Promise<Volume[]> {
  const volumes: Volume[] = [];
  for (const template of revision.claimTemplates) {
    const owned = deps.claims.byIndex(BY_OWNER, set.metadata.uid ?? '');
    const claim =
      claimOf(owned, id, template) ??
      (await expandFirst(deps, owned, id, template)) ??
      (await createClaim(deps, set, id, template));
    volumes.push(claimVolume(template, claim));
  }
  return volumes;
}

/** Makes the claims of an instance id as large as the revision says, where they are. */
export async function expandClaims(deps: Deps, set: CollaSet, id: number, revision: Revision): Promise<void> {
  for (const template of revision.claimTemplates) {
    const owned = deps.claims.byIndex(BY_OWNER, set.metadata.uid ?? '');
    if (claimOf(owned, id, template)) continue;
    for (const claim of await expandableClaims(deps, owned, id, template, true))
      await expandClaim(deps, claim, template);
  }
}

async function expandFirst(
  deps: Deps,
  owned: readonly PersistentVolumeClaim[],
  id: number,
  template: ClaimTemplate,
): Promise<PersistentVolumeClaim | undefined> {
  const [smaller] = await expandableClaims(deps, owned, id, template);
  return smaller && expandClaim(deps, smaller, template);
}

async function expandableClaims(
  deps: Deps,
  owned: readonly PersistentVolumeClaim[],
  id: number,
  template: ClaimTemplate,
  anySize = false,
): Promise<readonly PersistentVolumeClaim[]> {
  const smaller = growingClaimsOf(owned, id, template, anySize);
  if (smaller.length === 0) return [];
  const allowed = await deps.storageClasses.expandable(classesOf(smaller));
  return smaller.filter(({ spec }) => allowed.has(spec.storageClassName ?? ''));
}

async function expandClaim(
  deps: Deps,
  claim: PersistentVolumeClaim,
  template: ClaimTemplate,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace, name = '', uid = '', resourceVersion } = claim.metadata;
  const storage = sizeOf(template);
  const body = {
    metadata: { resourceVersion, labels: { [PVC_TEMPLATE_HASH_LABEL]: claimTemplateHash(template) } },
    // A user may have made it larger still.
    ...(isLess(sizeOf(claim), storage) ? { spec: { resources: { requests: { storage } } } } : {}),
  };
  deps.metrics.wrote('claim');
  try {
    const expanded = await deps.client.patch(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, { type: 'merge', body });
    deps.claims.observe(expanded);
    return expanded;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    deps.claims.observeGone(keyOf(claim), uid);
    return undefined;
  }
}

async function createClaim(
  deps: Deps,
  set: CollaSet,
  id: number,
  template: ClaimTemplate,
): Promise<PersistentVolumeClaim> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const claim = claimFor(set, id, template, attempt);
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
  throw new Error(`no free name for the claim ${template.metadata.name} of instance ${id} of ${keyOf(set)}`);
}

/** Takes over claims that an earlier set of the name left behind. */
export async function adoptClaims(deps: Deps, set: CollaSet, claims: readonly PersistentVolumeClaim[]): Promise<void> {
  for (const claim of claims) {
    const ownerReferences = [controllerReference(set)];
    await patchMetadata(deps, claim, { ownerReferences, annotations: { [RETAINED_BY_ANNOTATION]: null } });
  }
}

/** Lets claims outlive the set, with its name on them: a claim that came with a Pod of another set has that other set's name. */
export async function orphanClaims(deps: Deps, set: CollaSet): Promise<void> {
  for (const claim of deps.claims.byIndex(BY_OWNER, set.metadata.uid ?? '')) {
    const ownerReferences = claim.metadata.ownerReferences?.filter((owner) => owner.uid !== set.metadata.uid) ?? [];
    await patchMetadata(deps, claim, { ownerReferences, annotations: { [RETAINED_BY_ANNOTATION]: set.metadata.name } });
  }
}

/**
 * Gives claims the labels that they would get today: with the hash in Go's form the Go implementation finds them, and with those of
 * the selector everybody else.
 * @returns claims left for the next pass
 */
export async function relabelClaims(
  deps: Deps,
  set: CollaSet,
  owned: readonly PersistentVolumeClaim[],
  templates: readonly ClaimTemplate[],
): Promise<number> {
  const wanted = Object.entries(selectorLabelsOf(set));
  const pending = owned.flatMap((claim) => {
    const template = templates.find((candidate) => isClaimOf(claim, candidate));
    const changes = template && !isTerminating(claim) ? labelChanges(wanted, claim, template) : {};
    return template && Object.keys(changes).length > 0 ? [{ claim, template, changes }] : [];
  });
  for (const { claim, template, changes } of pending.slice(0, deps.settings.maxWrites)) {
    const isOther = changes[PVC_TEMPLATE_HASH_LABEL] !== undefined;
    // What else the template says of the claim's metadata is all that can still differ.
    const { labels = {}, annotations = {} } = isOther ? template.metadata : {};
    deps.metrics.wrote('claim');
    await patchMetadata(deps, claim, { labels: { ...labels, ...changes }, annotations });
  }
  return Math.max(0, pending.length - deps.settings.maxWrites);
}

function labelChanges(
  wanted: readonly (readonly [string, string])[],
  claim: PersistentVolumeClaim,
  template: ClaimTemplate,
): Record<string, string> {
  const labels = claim.metadata.labels ?? {};
  const missing = wanted.filter(([key]) => own(labels, key) === undefined);
  const hash = claimTemplateHash(template);
  return {
    ...Object.fromEntries(missing),
    ...(labels[PVC_TEMPLATE_HASH_LABEL] === hash ? {} : { [PVC_TEMPLATE_HASH_LABEL]: hash }),
  };
}

/** @throws ConflictError when the claim is not as it was seen, or gone: forgetting it must not rest on one answer */
async function patchMetadata(deps: Deps, claim: PersistentVolumeClaim, changes: object): Promise<void> {
  const { namespace, name = '', resourceVersion } = claim.metadata;
  const body = { metadata: { resourceVersion, ...changes } };
  try {
    deps.claims.observe(
      await deps.client.patch(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, { type: 'merge', body }),
    );
  } catch (error) {
    throw error instanceof NotFoundError ? staleCache(`claim ${keyOf(claim)} is gone`) : error;
  }
}

/** @throws ConflictError when a claim was not as it was seen; the others are deleted */
export async function deleteClaims(deps: Deps, claims: readonly PersistentVolumeClaim[]): Promise<void> {
  let conflict: ConflictError | undefined;
  for (const claim of claims) {
    const { namespace, name = '', uid = '', resourceVersion = '' } = claim.metadata;
    deps.metrics.wrote('claim');
    try {
      const answer = await deps.client.delete(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, { uid, resourceVersion });
      if (answer && isTerminating(answer)) deps.claims.observe(answer);
      else deps.claims.observeGone(keyOf(claim), uid);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      conflict = error;
    }
  }
  if (conflict) throw conflict;
}
