import type { CollaSet, ControllerRevision, ObjectMeta, PersistentVolumeClaim, PodTemplateSpec } from '@kuperator/api';
import { goForm } from './go-form.ts';
import { goJson } from './go-json.ts';
import { meaningOf } from './meaning.ts';

export type ClaimTemplate = Omit<PersistentVolumeClaim, 'metadata'> & { metadata: ObjectMeta };

/** The `data` of a ControllerRevision, in the form of the Go implementation. */
export type RevisionData = {
  spec: { template: PodTemplateSpec & { $patch?: string }; volumeClaimTemplates?: ClaimTemplate[] };
};

/** The templates of one revision. */
export type Revision = {
  readonly name: string;
  readonly template: PodTemplateSpec;
  readonly claimTemplates: readonly ClaimTemplate[];
  /** A string that is equal for revisions with the same Pods and claims. */
  readonly meaning: string;
};

const dataOf = new WeakMap<CollaSet, RevisionData>();

/** The revision data of the set's present template, in Go's form. Cached for each object, because every pass needs it. */
export function revisionDataOf(set: CollaSet): RevisionData {
  const known = dataOf.get(set);
  if (known) return known;
  const template = goForm(set.spec.template, 'PodTemplateSpec') as PodTemplateSpec;
  const claims = goForm(set.spec.volumeClaimTemplates ?? [], '[]PersistentVolumeClaim') as ClaimTemplate[];
  const data = {
    spec: {
      template: { ...template, $patch: 'replace' },
      ...(claims.length > 0 ? { volumeClaimTemplates: claims } : {}),
    },
  };
  dataOf.set(set, data);
  return data;
}

/** The bytes that the hash in the revision's name is computed from. */
export function revisionBytes(data: RevisionData): string {
  return goJson(data);
}

const parsed = new WeakMap<ControllerRevision, Revision>();

/**
 * Parses a stored revision. Cached for each object, because every pass needs all revisions.
 * @throws Error if the data is not that of a CollaSet's revision
 */
export function parseRevision(stored: ControllerRevision): Revision {
  const known = parsed.get(stored);
  if (known) return known;
  const revision = revisionOf(stored.metadata.name ?? '', stored.data as RevisionData);
  parsed.set(stored, revision);
  return revision;
}

const meanings = new WeakMap<RevisionData, string>();

/** @throws Error if the data is not that of a CollaSet's revision */
export function revisionOf(name: string, data: RevisionData): Revision {
  const stored = data?.spec?.template;
  if (!stored?.spec) throw new Error(`parsing ControllerRevision ${name}: it has no Pod template`);
  const { $patch: _, ...template } = stored;
  const claimTemplates = data.spec.volumeClaimTemplates ?? [];
  let meaning = meanings.get(data);
  if (meaning === undefined) {
    meaning = `${meaningOf(template, 'PodTemplateSpec')}${meaningOf(claimTemplates, '[]PersistentVolumeClaim')}`;
    meanings.set(data, meaning);
  }
  return { name, template, claimTemplates, meaning };
}
