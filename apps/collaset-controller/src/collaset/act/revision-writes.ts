import { CONTROLLER_REVISIONS, type CollaSet, type ControllerRevision, controllerOf, keyOf } from '@kuperator/api';
import { AlreadyExistsError, type ObjectWriter, objectWriter } from '@kuperator/runtime';
import type { ActionOf } from '../plan/action.ts';
import { goJson } from '../revision/go-json.ts';
import { meaningOf } from '../revision/meaning.ts';
import { controllerReference, revisionsByName } from '../revision/revision.ts';
import { type Revision, type RevisionData, revisionDataOf, revisionOf } from '../revision/revision-data.ts';
import { completionOf } from './completion.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import type { Pass } from './pass.ts';
import { staleCache } from './pod-writes.ts';
import { DONE, type Written } from './written.ts';

const MAX_COLLISIONS = 20;

/**
 * Stores the revision. If another object has its name, the next plan uses a higher collision count and therefore another name.
 * @throws Error after 20 more collisions than the set's status records
 */
export async function storeRevision(pass: Pass, { revision }: ActionOf<'storeRevision'>): Promise<Written> {
  const { deps, set, memory } = pass;
  if (await createRevision(deps, set, revision)) return DONE;
  const recorded = set.status?.collisionCount ?? 0;
  memory.collisionCount = Math.max(memory.collisionCount, recorded) + 1;
  if (memory.collisionCount - recorded <= MAX_COLLISIONS) return DONE;
  throw new Error(`storing a ControllerRevision of ${keyOf(set)}: ${MAX_COLLISIONS} names are taken`);
}

export async function raiseRevision({ deps }: Pass, action: ActionOf<'raiseRevision'>): Promise<Written> {
  const raised = await patchRevision(deps, action.revision, { revision: action.number });
  if (!raised) throw staleCache(`ControllerRevision ${keyOf(action.revision)} is gone`);
  return DONE;
}

export async function adoptRevision({ deps, set }: Pass, { revision }: ActionOf<'adoptRevision'>): Promise<Written> {
  await patchRevision(deps, revision, { metadata: { ownerReferences: [controllerReference(set)] } });
  return DONE;
}

/**
 * The newest revision, if the API server completes its template and the present one to the same Pod; undefined otherwise. The controller
 * knows most defaults itself. This finds the defaults of other Kubernetes versions, so that a written-out default is not a new revision.
 */
export async function newestIfAlike(
  { deps: { client }, set, memory: { completions } }: Pass,
  owned: readonly ControllerRevision[],
): Promise<Revision | undefined> {
  const newest = newestRevision(owned);
  const wanted = revisionOf('', revisionDataOf(set));
  if (!newest || claimMeaning(newest) !== claimMeaning(wanted)) return undefined;
  const ask = (revision: Revision) => completionOf(client, { set, revision, known: completions });
  const [{ completed }, before] = await Promise.all([ask(wanted), ask(newest)]);
  return completed !== undefined && completed === before.completed ? newest : undefined;
}

function newestRevision(owned: readonly ControllerRevision[]): Revision | undefined {
  const newest = owned.toSorted((a, b) => a.revision - b.revision).at(-1);
  return newest && revisionsByName([newest]).get(newest.metadata.name ?? '');
}

function claimMeaning({ claimTemplates }: Revision): string {
  return meaningOf(claimTemplates, '[]PersistentVolumeClaim');
}

/**
 * Removes the set from the owners of its revisions, so that they outlive it. With `--cascade=orphan` the garbage collector should do this but
 * fails (seen on Kubernetes 1.36): its strategic merge patch drops the null in the data of the revision, and that data is immutable.
 */
export async function orphanRevisions(deps: Deps, set: CollaSet): Promise<void> {
  for (const revision of deps.revisions.byIndex(BY_OWNER, set.metadata.uid ?? '')) {
    const ownerReferences = revision.metadata.ownerReferences?.filter(({ uid }) => uid !== set.metadata.uid) ?? [];
    await patchRevision(deps, revision, { metadata: { ownerReferences } });
  }
}

/** @returns undefined if another object has the name */
async function createRevision(
  deps: Deps,
  set: CollaSet,
  revision: ControllerRevision,
): Promise<ControllerRevision | undefined> {
  deps.metrics.wrote('revision');
  try {
    // The API server stores the bytes of the data unchanged, and the Go implementation compares bytes.
    const created = await deps.client.create(CONTROLLER_REVISIONS, revision, { encode: goJson });
    deps.revisions.observe(created);
    return created;
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
  }
  const { namespace, name = '' } = revision.metadata;
  const existing = await deps.client.get(CONTROLLER_REVISIONS, { namespace, name });
  const owner = controllerOf(existing);
  if (owner && owner.uid !== set.metadata.uid) return undefined;
  const meaning = revisionOf(name, revision.data as RevisionData).meaning;
  // A revision that cannot be parsed does not belong to a CollaSet.
  if (revisionsByName([existing]).get(name)?.meaning !== meaning) return undefined;
  if (owner) {
    deps.revisions.observe(existing);
    return existing;
  }
  // An earlier set of this name was deleted without its dependents and left the revision behind.
  const ownerReferences = [...(existing.metadata.ownerReferences ?? []), controllerReference(set)];
  const adopted = await patchRevision(deps, existing, { metadata: { ownerReferences } });
  if (!adopted) throw staleCache(`ControllerRevision ${keyOf(existing)} is gone`);
  return adopted;
}

/**
 * @returns the revision as written; undefined if it is gone
 * @throws ConflictError if the revision has changed
 */
function patchRevision(
  deps: Deps,
  revision: ControllerRevision,
  body: { readonly revision?: number; readonly metadata?: object },
): Promise<ControllerRevision | undefined> {
  deps.metrics.wrote('revision');
  return writerOf(deps).patch(revision, { body });
}

function writerOf({ client, revisions }: Deps): ObjectWriter<ControllerRevision> {
  return objectWriter({ client, resource: CONTROLLER_REVISIONS, cache: revisions });
}

/** Deletes a revision that is beyond the history limit. */
export async function expireRevision({ deps }: Pass, { revision }: ActionOf<'expireRevision'>): Promise<Written> {
  await writerOf(deps).delete(revision);
  return DONE;
}
