import { setOwn } from '@kuperator/api';
import Type, { type TObject, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type CatalogEntry, dataSchemaOf } from './catalog.ts';

/** Returns what is wrong with a value, as one sentence; undefined if the value is valid. */
type Check = (value: unknown) => string | undefined;

const checks = new Map<string, { exact: Check; tolerant: Check }>();

/**
 * The checks of one event's data. `exact` is for published events: an undeclared field could contain data that must not leave the cluster.
 * `tolerant` is for received events: a newer publisher may add fields that we do not know.
 */
export function dataChecksOf(entry: CatalogEntry): { exact: Check; tolerant: Check } {
  let found = checks.get(entry.type);
  if (!found) {
    found = { exact: checkFor(closed(entry.declaration.data)), tolerant: checkFor(entry.declaration.data) };
    checks.set(entry.type, found);
  }
  return found;
}

/** A check of `schema`, compiled at first use. */
export function checkFor(schema: TSchema): Check {
  let validator: ReturnType<typeof Compile> | undefined;
  return (value) => {
    validator ??= Compile(schema);
    if (validator.Check(value)) return undefined;
    const [first] = validator.Errors(value);
    if (!first) return 'does not match its schema';
    const message = first.keyword === 'boolean' ? 'is not declared' : first.message; // the schema `false` of closed()
    return `${first.instancePath || '/'} ${message}`;
  };
}

/** The JSON Schema of an event's data as published: open, so that adding a field breaks no reader. */
export function publishedSchemaOf(entry: CatalogEntry): TObject {
  return Type.Object(entry.declaration.data.properties, {
    $id: dataSchemaOf(entry),
    title: `${entry.kind}.${entry.event}`,
    description: entry.declaration.summary,
  });
}

/** A copy of `schema` in which every object refuses undeclared fields. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  // TypeBox keeps its own marks (~kind, ~optional) in properties that spreading would lose.
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as Record<string, unknown>;
  for (const [name, value] of Object.entries(schema)) setOwn(copy, name, closed(value));
  if (copy.type === 'object') copy.additionalProperties = false;
  return copy as T;
}
