import type { KubeObject } from '../core.ts';
import { KINDS } from '../kinds.ts';
import { own } from '../own.ts';
import { type Structural, structuralSchemaOf } from '../structural.ts';
import { checkOf } from './checks.ts';
import { isObject, limitProblems, type Problem, typeProblem } from './structural-check.ts';

/** One thing that is wrong with an object. */
export type FieldError = {
  /** `spec.rules[0].name`; empty for the object as a whole. */
  path: string;
  /** The value and what is allowed, to be read after the path. */
  message: string;
  value: unknown;
  /** What the field may be. */
  allowed: string;
};

/** A kind of ours. */
export type KuperatorKind = 'CollaSet' | 'OperationJob' | 'PodDecoration' | 'PodTransitionRule' | 'ResourceContext';

const SCHEMAS: ReadonlyMap<string, Structural> = new Map(
  KINDS.map((declaration) => [declaration.kind, structuralSchemaOf(declaration)]),
);

/**
 * Answers as the API server would on a write of `object`, from the same declaration as the CRD, so that unit tests need no API
 * server. With `old`, the stored object, rules about changes apply too. Unlike the API server, which skips fields that an update
 * does not change, it checks every field.
 * @returns all errors; none when the object is legal
 */
export function validate(kind: KuperatorKind, object: KubeObject, old?: KubeObject): FieldError[] {
  const schema = SCHEMAS.get(kind);
  if (!schema) throw new Error(`kind ${kind} is not one of ${[...SCHEMAS.keys()].join(', ')}`);
  return fieldErrors({ schema, value: object, old, path: '' });
}

type Place = { schema: Structural; value: unknown; old: unknown; path: string };

function fieldErrors(place: Place): FieldError[] {
  const { schema, value, old, path } = place;
  const wrongType = typeProblem(schema, value);
  if (wrongType) return [errorOf(wrongType, path)];
  const errors = [
    ...limitProblems(schema, value).map((problem) => errorOf(problem, path)),
    ...fieldsOf(place).flatMap(fieldErrors),
  ];
  // As in the API server, a rule runs only if everything below it is valid.
  if (errors.length > 0) return errors;
  return (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => {
    const message = checkOf(rule)(value, old);
    return message === undefined ? [] : [{ path, message, value, allowed: rule.message }];
  });
}

function fieldsOf({ schema, value, old, path }: Place): Place[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items
      ? value.map((item, index) => ({ schema: items, value: item, old: undefined, path: `${path}[${index}]` }))
      : [];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const inner = own(schema.properties, name) ?? schema.additionalProperties;
    // The API server drops unknown fields, and treats null as a missing field.
    if (!inner || field === undefined || field === null) return [];
    return { schema: inner, value: field, old: isObject(old) ? own(old, name) : undefined, path: join(path, name) };
  });
}

function errorOf({ allowed, value, field, missing }: Problem, path: string): FieldError {
  const message = missing ? `is required: must be ${allowed}` : `must be ${allowed}, not ${shortened(value)}`;
  return { path: field === undefined ? path : join(path, field), message, value, allowed };
}

function join(path: string, field: string): string {
  return path === '' || field.startsWith('[') ? `${path}${field}` : `${path}.${field}`;
}

const MAX_QUOTED = 120;

function shortened(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > MAX_QUOTED ? `${json.slice(0, MAX_QUOTED)}…` : json;
}
