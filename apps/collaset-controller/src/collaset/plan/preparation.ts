import { COLLASET_FINALIZER } from '@kuperator/api';
import { planAdoption } from '../claims/claim-adoption.ts';
import type { Preparation } from './action.ts';
import type { Observed } from './observed.ts';

/**
 * Plans what must be written before the pass can plan anything else: the finalizer, so that the set does not disappear before its Pods are
 * drained; the revision of its template; and the adoption of claims that an earlier set of the same name left behind. Pure.
 */
export function planPreparations(observed: Observed): readonly Preparation[] {
  const { set, revision } = observed;
  if (!set.metadata.finalizers?.includes(COLLASET_FINALIZER)) return [{ do: 'addFinalizer' }];
  if (revision.adoptable.length > 0) return revision.adoptable.map((each) => ({ do: 'adoptRevision', revision: each }));
  if (!revision.updated) return [storing(observed)];
  return adoptionOf(observed).take.map((claim) => ({ do: 'adoptClaim', claim }));
}

function storing({ revision: { plan } }: Observed): Preparation {
  return plan.action === 'raise'
    ? { do: 'raiseRevision', revision: plan.revision, number: plan.number }
    : { do: 'storeRevision', revision: plan.revision };
}

/** Decides which claims without an owner the set adopts, and which it leaves alone. */
export function adoptionOf({ set, claims, revision: { updated } }: Observed): ReturnType<typeof planAdoption> {
  if (!updated || claims.unowned.length === 0) return { take: [], leave: [] };
  const { owned, unowned, expandable, orphanOf } = claims;
  return planAdoption({ set, unowned, owned, templates: updated.claimTemplates, expandable, orphanOf });
}
