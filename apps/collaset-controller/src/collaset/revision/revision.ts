import {
  apiVersionOf,
  COLLA_SETS,
  CONTROLLER_REVISIONS,
  type CollaSet,
  type ControllerRevision,
  historyLimitOf,
  type OwnerReference,
  REVISION_COLLISION_LABEL,
  REVISION_HASH_LABEL,
} from '@kuperator/api';
import { safeHash } from './fnv.ts';
import { parseRevision, type Revision, revisionBytes, revisionDataOf, revisionOf } from './revision-data.ts';
import { selectorLabelsOf } from './selector-labels.ts';

/** The write after which the newest revision is that of the set's present template. */
export type RevisionPlan =
  | { readonly action: 'reuse'; readonly revision: ControllerRevision }
  /** The set was rolled back to an older template, whose revision becomes the newest again and keeps its name. */
  | { readonly action: 'raise'; readonly revision: ControllerRevision; readonly number: number }
  | { readonly action: 'create'; readonly revision: ControllerRevision };

/**
 * Plans the revision of the set's present template. Pure.
 * @param owned the set's stored revisions, in any order
 * @param collisions how often the name of a new revision was already taken
 */
export function planRevision(set: CollaSet, owned: readonly ControllerRevision[], collisions: number): RevisionPlan {
  const ordered = owned.toSorted(byNumber);
  const newest = ordered.at(-1);
  const data = revisionDataOf(set);
  const { meaning } = revisionOf('', data);
  const readable = revisionsByName(ordered);
  const equal = ordered.findLast((stored) => readable.get(stored.metadata.name ?? '')?.meaning === meaning);
  const number = (newest?.revision ?? 0) + 1;
  if (!equal) return { action: 'create', revision: revisionFor(set, collisions, number) };
  return equal === newest ? { action: 'reuse', revision: equal } : { action: 'raise', revision: equal, number };
}

/** The ControllerRevision for the set's present template. Its name depends on the template and the collision count. */
export function revisionFor(set: CollaSet, collisions: number, number: number): ControllerRevision {
  const data = revisionDataOf(set);
  const hash = safeHash(`${revisionBytes(data)}${collisions}`);
  return {
    apiVersion: apiVersionOf(CONTROLLER_REVISIONS),
    kind: CONTROLLER_REVISIONS.kind,
    metadata: {
      name: revisionName(set.metadata.name ?? '', hash),
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      labels: {
        ...selectorLabelsOf(set),
        [REVISION_HASH_LABEL]: hash,
        [REVISION_COLLISION_LABEL]: String(collisions),
      },
      ownerReferences: [controllerReference(set)],
    },
    data,
    revision: number,
  };
}

/**
 * The name `<set>-<hash>`, which must be a legal label value (T56). As in the Go implementation, everything before the first letter is
 * removed. The hash is never shortened, as it would be for a set whose name has only digits.
 */
export function revisionName(setName: string, hash: string): string {
  const base = setName.slice(0, 63 - hash.length - 1);
  const name = `${base}-${hash}`.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  const fromLetter = name.replace(/^[^a-z]+/, '');
  return fromLetter.endsWith(hash) ? fromLetter : name.replace(/^-+/, '');
}

/** The revisions beyond the history limit, oldest first. Revisions that a Pod, the status or an instance id uses always stay (T57). */
export function expiredRevisions(
  set: CollaSet,
  owned: readonly ControllerRevision[],
  used: ReadonlySet<string>,
): readonly ControllerRevision[] {
  // The limit does not count the current and the updated revision.
  const exceed = owned.length - historyLimitOf(set) - 2;
  if (exceed <= 0) return [];
  return owned
    .toSorted(byNumber)
    .filter((revision) => !used.has(revision.metadata.name ?? ''))
    .slice(0, exceed);
}

/** The revisions by name, without those that cannot be parsed. */
export function revisionsByName(owned: readonly ControllerRevision[]): ReadonlyMap<string, Revision> {
  const revisions = new Map<string, Revision>();
  for (const stored of owned) {
    try {
      const revision = parseRevision(stored);
      revisions.set(revision.name, revision);
    } catch {
      // A Pod at a revision that cannot be parsed is treated like a Pod at an unknown revision.
    }
  }
  return revisions;
}

export function controllerReference(set: CollaSet): OwnerReference {
  return {
    apiVersion: apiVersionOf(COLLA_SETS),
    kind: COLLA_SETS.kind,
    name: set.metadata.name ?? '',
    uid: set.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

function byNumber(a: ControllerRevision, b: ControllerRevision): number {
  return a.revision - b.revision || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
}
