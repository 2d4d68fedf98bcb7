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

/** What must be written so that the newest revision is that of the set's present template. */
export type RevisionPlan =
  | { readonly action: 'reuse'; readonly revision: ControllerRevision }
  /** Rolled back to an older template: its revision becomes the newest again and keeps its name. */
  | { readonly action: 'raise'; readonly revision: ControllerRevision; readonly number: number }
  | { readonly action: 'create'; readonly revision: ControllerRevision };

/** @param owned the set's stored revisions, in any order */
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

/** The ControllerRevision for the set's present template; its name is a function of template and collision count. */
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
 * `<set>-<hash>`, legal as a label value: Pods carry it (T56). Without what comes before the first letter, as the Go implementation has
 * it, unless that would take from the hash: of a set named by digits alone nothing might be left.
 */
export function revisionName(setName: string, hash: string): string {
  const base = setName.slice(0, 63 - hash.length - 1);
  const name = `${base}-${hash}`.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  const fromLetter = name.replace(/^[^a-z]+/, '');
  return fromLetter.endsWith(hash) ? fromLetter : name.replace(/^-+/, '');
}

/**
 * Revisions beyond the history limit, oldest first. Those in `used` (by a Pod, the status or an instance id) stay however old
 * they are (T57).
 */
export function expiredRevisions(
  set: CollaSet,
  owned: readonly ControllerRevision[],
  used: ReadonlySet<string>,
): readonly ControllerRevision[] {
  // The two that the limit does not count are the current and the updated one.
  const exceed = owned.length - historyLimitOf(set) - 2;
  if (exceed <= 0) return [];
  return owned
    .toSorted(byNumber)
    .filter((revision) => !used.has(revision.metadata.name ?? ''))
    .slice(0, exceed);
}

/** Revisions by name, those that cannot be read left out. */
export function revisionsByName(owned: readonly ControllerRevision[]): ReadonlyMap<string, Revision> {
  const revisions = new Map<string, Revision>();
  for (const stored of owned) {
    try {
      const revision = parseRevision(stored);
      revisions.set(revision.name, revision);
    } catch {
      // Not ours to mend: whoever names it is treated as being at an unknown revision.
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
