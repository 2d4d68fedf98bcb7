import type { CollaSet } from '@kuperator/api';
import { classesOf, expandableTemplates } from '../claims/claim-growth.ts';
import { revisionNameOf } from '../ids/members.ts';
import type { UpdateFacts } from '../plan/update.ts';
import type { Revision } from '../revision/revision-data.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import { tryRevision } from './dry-run.ts';
import { knowledgeOf, lookAt, type SetMemory } from './memory.ts';

const NONE: ReadonlySet<string> = new Set();

/** What an update must know of the cluster beyond what the caches hold. */
export async function updateFacts(
  deps: Deps,
  set: CollaSet,
  updated: Revision,
  memory: SetMemory,
): Promise<UpdateFacts> {
  const uid = set.metadata.uid ?? '';
  const mayGrow =
    updated.claimTemplates.length > 0 &&
    deps.pods.byIndex(BY_OWNER, uid).some((pod) => revisionNameOf(pod) !== updated.name);
  const claims = mayGrow ? deps.claims.byIndex(BY_OWNER, uid) : [];
  const classes = claims.length > 0 ? await deps.storageClasses.expandable(classesOf(claims)) : NONE;
  const { trial, refusals } = memory;
  const nowMs = deps.clock.monotonic();
  const isHeld = trial?.revision === updated.name && nowMs < trial.retryAtMs;
  lookAt(memory, deps.pods.byIndex(BY_OWNER, uid), nowMs);
  return {
    held: isHeld ? trial.refusal : undefined,
    canResize: await deps.servesResize(),
    expandable: expandableTemplates(claims, (name) => classes.has(name)),
    refusals,
    knowledgeOf: (pod) => knowledgeOf(memory, pod, nowMs),
  };
}

/** Makes sure that the API server takes the updated revision, once for each; its refusal is in `memory.trial`. */
export async function ensureTried(deps: Deps, set: CollaSet, updated: Revision, memory: SetMemory): Promise<void> {
  if (memory.trial?.revision === updated.name && memory.trial.refusal === undefined) return;
  memory.trial = await tryRevision(deps, set, updated, memory);
}
