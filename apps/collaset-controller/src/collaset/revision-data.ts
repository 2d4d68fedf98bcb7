import type {
  CollaSet,
  Container,
  ControllerRevision,
  ObjectMeta,
  PersistentVolumeClaim,
  PodSpec,
  PodTemplateSpec,
} from '@kuperator/api';
import { goJson } from './go-json.ts';
import { meaningOf } from './meaning.ts';

export type ClaimTemplate = Omit<PersistentVolumeClaim, 'metadata'> & { metadata: ObjectMeta };

/** `data` of a ControllerRevision as the Go implementation writes it. */
export type RevisionData = {
  spec: { template: PodTemplateSpec & { $patch?: string }; volumeClaimTemplates?: ClaimTemplate[] };
};

/** What one revision makes Pods from. */
export type Revision = {
  readonly name: string;
  readonly template: PodTemplateSpec;
  readonly claimTemplates: readonly ClaimTemplate[];
  /** Equal for revisions that make the same Pods. */
  readonly meaning: string;
};

/** Data for the set's present template, with the zero values Go's types add to it. */
export function revisionDataOf(set: CollaSet): RevisionData {
  const template = set.spec.template;
  const claims = (set.spec.volumeClaimTemplates ?? []) as ClaimTemplate[];
  return {
    spec: {
      template: { ...template, $patch: 'replace', metadata: withCreation(template.metadata), spec: goSpec(template) },
      ...(claims.length > 0 ? { volumeClaimTemplates: claims.map(goClaim) } : {}),
    },
  };
}

/** The bytes that are hashed for the revision's name. */
export function revisionBytes(data: RevisionData): string {
  return goJson(data);
}

const parsed = new WeakMap<ControllerRevision, Revision>();

/** Reads a stored revision; remembered per object, since every pass asks for all of them. */
export function parseRevision(stored: ControllerRevision): Revision {
  const known = parsed.get(stored);
  if (known) return known;
  const revision = revisionOf(stored.metadata.name ?? '', stored.data as RevisionData);
  parsed.set(stored, revision);
  return revision;
}

/** @throws Error when the data is not that of a CollaSet's revision */
export function revisionOf(name: string, data: RevisionData): Revision {
  const stored = data?.spec?.template;
  if (!stored?.spec) throw new Error(`ControllerRevision ${name} holds no Pod template`);
  const { $patch: _, ...template } = stored;
  const claimTemplates = data.spec.volumeClaimTemplates ?? [];
  return { name, template, claimTemplates, meaning: meaningOf({ template, claimTemplates }) };
}

// Not in ObjectMeta's JSON by meaning, but Go's types always write it.
function withCreation(metadata: ObjectMeta | undefined): ObjectMeta {
  return { ...metadata, creationTimestamp: null };
}

function goSpec(template: PodTemplateSpec): PodSpec {
  const { containers, initContainers, ...spec } = template.spec ?? { containers: [] };
  return {
    ...spec,
    containers: containers?.map(withResources) ?? [],
    ...(initContainers ? { initContainers: initContainers.map(withResources) } : {}),
  };
}

function withResources(container: Container): Container {
  return { ...container, resources: container.resources ?? {} };
}

function goClaim(claim: ClaimTemplate): ClaimTemplate {
  return {
    ...claim,
    metadata: withCreation(claim.metadata),
    spec: { ...claim.spec, resources: claim.spec?.resources ?? {} },
    status: claim.status ?? {},
  };
}
