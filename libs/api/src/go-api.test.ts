// testdata/crd-fields.json lists the fields of the Go implementation's CRDs. Every one must be here, or a manifest written for it
// would lose fields.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { crds } from './crd.ts';
import type { Structural } from './structural.ts';

type GoField = {
  type: string;
  format?: string;
  pattern?: string;
  required?: true;
  preserveUnknown?: true;
  localFields?: string[];
};
type GoKind = {
  fields: Record<string, GoField>;
  group: string;
  names: object;
  printerColumns: object[];
  scope: string;
  subresources: object | null;
  version: string;
};
const goKinds: Record<string, GoKind> = JSON.parse(
  readFileSync(new URL('./testdata/crd-fields.json', import.meta.url), 'utf8'),
);

/** Required by us where the Go implementation's webhook refuses an object without. */
const REQUIRED_BY_WEBHOOK = [
  'CollaSet spec',
  'CollaSet spec.selector',
  'CollaSet spec.template',
  'CollaSet spec.volumeClaimTemplates[].metadata',
  'CollaSet spec.volumeClaimTemplates[].metadata.name',
  'PodTransitionRule spec',
  'PodTransitionRule spec.selector',
  'PodTransitionRule spec.rules[].name',
  'PodTransitionRule spec.rules[].webhook.clientConfig',
];

/** `rc` is the ReplicationController's: with two of them kubectl warns whenever it is used. */
const OTHER_SHORT_NAMES: Record<string, object> = { ResourceContext: { shortNames: ['rctx'] } };

describe.each(Object.entries(goKinds))('%s', (kind, go) => {
  const definition = crds().find(({ spec }) => spec.names.kind === kind);
  const version = definition?.spec.versions[0];
  const schema = version?.schema.openAPIV3Schema ?? {};

  test('has the names and versions of the Go implementation', () => {
    const names = { ...go.names, ...OTHER_SHORT_NAMES[kind] };
    expect(definition?.metadata.name).toBe(`${definition?.spec.names.plural}.${go.group}`);
    expect(definition?.spec).toMatchObject({ group: go.group, names, scope: go.scope });
    expect(version).toMatchObject({ name: go.version, served: true, storage: true });
  });

  test('shows the same columns, some only with -o wide, and additional ones', () => {
    const columns = (version?.additionalPrinterColumns ?? []).map(({ priority: _, ...column }) => column);
    expect(columns).toEqual(expect.arrayContaining(go.printerColumns));
  });

  test('has the same subresources, and possibly more', () => {
    expect(version?.subresources ?? null).toEqual(go.subresources && expect.objectContaining(go.subresources));
  });

  test.each(Object.entries(go.fields))('has %s', (path, field) => {
    const found = fieldAt(schema, path);
    expect(found.schema).toMatchObject(expectedOf(field));
    const required = field.required === true || REQUIRED_BY_WEBHOOK.includes(`${kind} ${path}`);
    expect(found.required, 'required').toBe(required);
  });
});

/** What the schema at `a.b[].c{}` is, and whether its parent requires it. */
function fieldAt(root: Structural, path: string): { schema: Structural | undefined; required: boolean } {
  const steps = path.split('.').flatMap((step) => step.split(/(?=\[\]|\{\})/));
  let schema: Structural | undefined = root;
  let required = false;
  for (const step of steps) {
    required = schema?.required?.includes(step) ?? false;
    if (step === '[]') schema = schema?.items;
    else if (step === '{}') schema = schema?.additionalProperties;
    else schema = schema?.properties?.[step];
  }
  return { schema, required };
}

function expectedOf({ type, format, pattern }: GoField): object {
  const extra = { ...(format ? { format } : {}), ...(pattern ? { pattern } : {}) };
  const keepsUnknown = { 'x-kubernetes-preserve-unknown-fields': true };
  switch (type) {
    case 'int-or-string':
      return { 'x-kubernetes-int-or-string': true, ...extra };
    // The Go CRD takes anything here and its webhook then refuses all but an object.
    case 'any':
      return { type: 'object', ...keepsUnknown };
    case 'core/v1 PersistentVolumeClaimSpec':
    case 'core/v1 PersistentVolumeClaimStatus':
      return { type: 'object' };
    case 'core/v1 Affinity':
      return { type: 'object', ...keepsUnknown };
    case 'array of core/v1 Container (+ local fields)':
    case 'array of core/v1 Volume':
      return { type: 'array', items: { type: 'object', required: ['name'], ...keepsUnknown } };
    default:
      return { type, ...extra };
  }
}
