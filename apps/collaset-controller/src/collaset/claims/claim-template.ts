// The hash of a claim template, and whether a claim fits a template.
import {
  type LabelSelector,
  type PersistentVolumeClaim,
  PVC_TEMPLATE_HASH_LABEL,
  PVC_TEMPLATE_NAME_LABEL,
} from '@kuperator/api';
import { safeHash } from '../revision/fnv.ts';
import { goMap, goStructJson } from '../revision/go-json.ts';
import { goQuantity } from '../revision/go-quantity.ts';
import { meaningOf } from '../revision/meaning.ts';
import { canonicalQuantity } from '../revision/quantity.ts';
import type { ClaimTemplate } from '../revision/revision-data.ts';

type DataSource = { apiGroup?: string | null; kind?: string; name?: string; namespace?: string | null };

/** How the hash spells the parts of a template in which Go's types and the user's YAML differ. */
type Spelling = {
  readonly quantity: (value: unknown) => unknown;
  readonly selector: (selector: LabelSelector) => object;
  readonly source: (source: DataSource) => object;
};

const GO: Spelling = {
  quantity: goQuantity,
  selector: ({ matchLabels, matchExpressions }) => ({
    matchLabels: nonEmptyMap(matchLabels),
    matchExpressions: nonEmpty(
      matchExpressions?.map(({ key, operator, values }) => ({ key, operator, values: nonEmpty(values) })),
    ),
  }),
  // Go always writes the group, because its field has no omitempty.
  source: ({ apiGroup, kind, name }) => ({ apiGroup: apiGroup ?? null, kind, name }),
};

/** The spelling of earlier versions of this controller: the user's, with sorted keys. Claims with such a hash still exist. */
const EARLIER: Spelling = {
  quantity: (value) => value,
  selector: ({ matchExpressions, matchLabels }) => ({
    matchExpressions: matchExpressions?.map((requirement) => goMap(requirement)),
    matchLabels: matchLabels && goMap(matchLabels),
  }),
  source: (source) => goMap(source),
};

type Hashes = { readonly current: string; readonly earlier: string };
const known = new WeakMap<ClaimTemplate, Hashes>();

/** The hash of a claim template that the Go implementation labels its claims with, so that both find each other's claims. */
export function claimTemplateHash(template: ClaimTemplate): string {
  return hashesOf(template).current;
}

/** Cached for each object, because every pass needs the hashes of all revisions. */
function hashesOf(template: ClaimTemplate): Hashes {
  let hashes = known.get(template);
  if (!hashes) {
    hashes = { current: safeHash(bytesOf(template, GO)), earlier: safeHash(bytesOf(template, EARLIER)) };
    known.set(template, hashes);
  }
  return hashes;
}

function bytesOf(template: ClaimTemplate, { quantity, selector, source }: Spelling): string {
  const { metadata, spec } = template;
  const { resources, dataSource, dataSourceRef } = (spec ?? {}) as Partial<ClaimTemplate['spec']> & {
    dataSource?: DataSource;
    dataSourceRef?: DataSource;
  };
  const selects = spec?.selector as LabelSelector | undefined;
  const quantities = (amounts: object | undefined) =>
    nonEmptyMap(amounts && Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, quantity(value)])));
  return goStructJson({
    kind: template.kind || undefined,
    apiVersion: template.apiVersion || undefined,
    metadata: {
      name: metadata?.name,
      namespace: metadata?.namespace || undefined,
      creationTimestamp: null,
      labels: nonEmptyMap(metadata?.labels),
      annotations: nonEmptyMap(metadata?.annotations),
      finalizers: nonEmpty(metadata?.finalizers),
    },
    spec: {
      accessModes: nonEmpty(spec?.accessModes),
      selector: selects ? selector(selects) : undefined,
      resources: { limits: quantities(resources?.limits), requests: quantities(resources?.requests) },
      volumeName: spec?.volumeName || undefined,
      storageClassName: spec?.storageClassName ?? undefined,
      volumeMode: spec?.volumeMode ?? undefined,
      dataSource: dataSource ? source(dataSource) : undefined,
      dataSourceRef: dataSourceRef ? source(dataSourceRef) : undefined,
    },
    status: template.status ?? {},
  });
}

function nonEmpty<T>(list: readonly T[] | null | undefined): readonly T[] | undefined {
  return list?.length ? list : undefined;
}

function nonEmptyMap(record: object | null | undefined): ReadonlyMap<string, unknown> | undefined {
  return record && Object.keys(record).length > 0 ? goMap(record) : undefined;
}

/**
 * True if the claim fits the template: its hash label matches in either spelling, or its spec has the same meaning. The hash alone is not
 * enough, because it depends on the spelling, and a claim that is not recognised would be replaced by an empty volume.
 */
export function isClaimOf(claim: PersistentVolumeClaim, template: ClaimTemplate): boolean {
  if (claim.metadata.labels?.[PVC_TEMPLATE_NAME_LABEL] !== template.metadata.name) return false;
  const hash = claim.metadata.labels?.[PVC_TEMPLATE_HASH_LABEL];
  const { current, earlier } = hashesOf(template);
  if (hash === current || hash === earlier) return true;
  const [held, asked] = [sizeOf(claim), sizeOf(template)].map((size) => canonicalQuantity(size ?? ''));
  return held === asked && isButForSize(claim, template);
}

/** True if the claim fits the template, or would with another size. Defaults that the API server fills in do not count. */
export function isButForSize({ metadata, spec }: PersistentVolumeClaim, template: ClaimTemplate): boolean {
  const asked = template.spec ?? {};
  return (
    metadata.labels?.[PVC_TEMPLATE_NAME_LABEL] === template.metadata.name &&
    meaningOf(spec.accessModes?.toSorted(), '[]string') === meaningOf(asked.accessModes?.toSorted(), '[]string') &&
    (asked.storageClassName == null || asked.storageClassName === spec.storageClassName) &&
    (!asked.volumeName || asked.volumeName === spec.volumeName) &&
    modeOf(spec) === modeOf(asked) &&
    meaningOf(spec.selector, '*LabelSelector') === meaningOf(asked.selector, '*LabelSelector') &&
    sourceOf(spec) === sourceOf(asked)
  );
}

/** The template with one spelling for each default, for the comparison of templates. */
export function plainTemplate(template: ClaimTemplate): ClaimTemplate {
  const { dataSource: _, dataSourceRef: __, volumeMode: ___, ...spec } = template.spec ?? {};
  return { ...template, spec: { ...spec, volumeMode: modeOf(template.spec ?? {}), source: sourceOf(template.spec) } };
}

function modeOf({ volumeMode }: PersistentVolumeClaim['spec']): string {
  return volumeMode || 'Filesystem';
}

/** The API server copies each of the two fields into the other. */
function sourceOf(spec: ClaimTemplate['spec'] | undefined): string {
  const source = (spec?.dataSourceRef ?? spec?.dataSource) as DataSource | undefined;
  if (!source) return '';
  return [source.apiGroup ?? '', source.kind, source.namespace ?? '', source.name].join('/');
}

/** The requested storage of a claim or a claim template. */
export function sizeOf({ spec }: ClaimTemplate): string | undefined {
  return spec?.resources?.requests?.storage;
}
