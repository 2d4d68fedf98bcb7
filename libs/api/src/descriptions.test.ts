// `kubectl explain` shows the descriptions, so a field without one is a field that users have to guess.
import { expect, test } from 'vitest';
import { crds } from './crd.ts';
import type { Structural } from './structural.ts';

type Field = { readonly path: string; readonly description: string };

/** The API server itself describes these fields of each object, and refuses a definition that describes `metadata`. */
const OF_THE_API_SERVER = ['apiVersion', 'kind', 'metadata'];

const definitions = crds().map(({ spec }) => ({
  kind: spec.names.kind,
  schema: spec.versions[0]?.schema.openAPIV3Schema ?? {},
}));

test.each(definitions)('every field of $kind has a description of at least one sentence', ({ schema }) => {
  const undescribed = fieldsOf(schema)
    .filter(({ path }) => !OF_THE_API_SERVER.includes(path))
    .filter(({ description }) => !isSentence(description));
  expect(undescribed).toEqual([]);
});

test.each(definitions)('$kind itself has a description of at least one sentence', ({ schema }) => {
  expect(isSentence(schema.description ?? ''), schema.description).toBe(true);
});

test('fields of lists, of maps and of their items are fields as well', () => {
  const object: Structural = { type: 'object', properties: { name: { type: 'string', description: 'A name.' } } };
  const schema: Structural = {
    properties: { list: { type: 'array', items: object }, map: { type: 'object', additionalProperties: object } },
  };
  expect(fieldsOf(schema)).toEqual([
    { path: 'list', description: '' },
    { path: 'list[].name', description: 'A name.' },
    { path: 'map', description: '' },
    { path: 'map{}.name', description: 'A name.' },
  ]);
});

test.each(['', 'Name.', 'The name', 'A name.', 'Name of the Pod'])('%o is no sentence', (text) => {
  expect(isSentence(text)).toBe(false);
});

function isSentence(text: string): boolean {
  return text.endsWith('.') && text.split(/\s+/).length >= 3;
}

/** All fields below the schema, with the paths that testdata/crd-fields.json uses. */
function fieldsOf({ properties = {}, items, additionalProperties }: Structural, at = ''): readonly Field[] {
  const ofProperties = Object.entries(properties).flatMap(([name, field]): readonly Field[] => {
    const path = at === '' ? name : `${at}.${name}`;
    return [{ path, description: field.description ?? '' }, ...fieldsOf(field, path)];
  });
  const ofItems = items ? fieldsOf(items, `${at}[]`) : [];
  const ofValues = additionalProperties ? fieldsOf(additionalProperties, `${at}{}`) : [];
  return [...ofProperties, ...ofItems, ...ofValues];
}
