import { type CollaSet, keyOf, type PersistentVolumeClaim } from '@kuperator/api';
import { adoptionMessage, classesToAsk, type LeftClaim, leftMessage, planAdoption } from '../claims/claim-adoption.ts';
import type { Revision } from '../revision/revision-data.ts';
import { adoptClaims } from './claim-writes.ts';
import { BY_OWNER, type Deps, ORPHAN_MOUNTS, UNOWNED } from './deps.ts';
import type { SetMemory } from './memory.ts';

const MAX_TOLD = 1000;

/** Takes over what an earlier set of the name left behind, and tells once what was taken and what was left alone. */
export async function adoptRetainedClaims(
  deps: Deps,
  set: CollaSet,
  updated: Revision,
  memory: SetMemory,
): Promise<void> {
  const { claims, pods, recorder, storageClasses } = deps;
  const unowned = claims.byIndex(UNOWNED, set.metadata.namespace ?? '');
  if (unowned.length === 0) return;
  const uid = set.metadata.uid ?? '';
  const templates = updated.claimTemplates;
  const classes = classesToAsk({ unowned, templates });
  const { take, leave } = planAdoption({
    set,
    unowned,
    owned: claims.byIndex(BY_OWNER, uid),
    templates,
    expandable: classes.size > 0 ? await storageClasses.expandable(classes) : new Set(),
    orphanOf: (claim) => pods.byIndex(ORPHAN_MOUNTS, keyOf(claim))[0]?.metadata.name,
  });
  if (take.length > 0) {
    await adoptClaims(deps, set, take);
    recorder.normal(set, 'ClaimsAdopted', adoptionMessage(take));
  }
  const news = leave.filter((left) => isNews(memory, left));
  const [own, others] = [news.filter(({ isOwn }) => isOwn), news.filter(({ isOwn }) => !isOwn)];
  if (own.length > 0) recorder.warn(set, 'ClaimsLeftAlone', leftMessage(own));
  if (others.length > 0) recorder.normal(set, 'ClaimsLeftAlone', leftMessage(others));
}

function isNews({ toldClaims }: SetMemory, { claim, reason }: LeftClaim): boolean {
  const fact = `${uidOf(claim)}/${reason}`;
  // Beyond a thousand nobody reads on; to forget some would tell of them again with each pass.
  if (toldClaims.has(fact) || toldClaims.size >= MAX_TOLD) return false;
  toldClaims.add(fact);
  return true;
}

function uidOf({ metadata }: PersistentVolumeClaim): string {
  return metadata.uid ?? '';
}
