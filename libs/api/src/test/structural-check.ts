// Checks one value, without its fields, against a structural schema: the keywords of JSON Schema that our kinds use, as Kubernetes reads them.
import { own } from '../own.ts';
import type { Structural } from '../structural.ts';

/** `allowed` completes "must be …". */
export type Problem = { allowed: string; value: unknown; field?: string; missing?: true };

type Fields = Readonly<Record<string, unknown>>;

const TYPES: Record<NonNullable<Structural['type']>, { allowed: string; is: (value: unknown) => boolean }> = {
  object: { allowed: 'an object', is: isObject },
  array: { allowed: 'a list', is: Array.isArray },
  string: { allowed: 'a string', is: (value) => typeof value === 'string' },
  integer: { allowed: 'an integer', is: Number.isInteger },
  boolean: { allowed: 'true or false', is: (value) => typeof value === 'boolean' },
};

/** Undefined if `value` has the type of the schema. If it has another type, no other check makes sense. */
export function typeProblem(schema: Structural, value: unknown): Problem | undefined {
  if (schema['x-kubernetes-int-or-string']) {
    const isEither = typeof value === 'string' || Number.isInteger(value);
    return isEither ? undefined : { allowed: 'an integer or a string', value };
  }
  if (!schema.type || TYPES[schema.type].is(value)) return undefined;
  return { allowed: TYPES[schema.type].allowed, value };
}

/** Everything else that is wrong with a value of the right type. */
export function limitProblems(schema: Structural, value: unknown): Problem[] {
  if (typeof value === 'string') return stringProblems(schema, value);
  if (typeof value === 'number') return numberProblems(schema, value);
  if (Array.isArray(value)) return listProblems(schema, value);
  return isObject(value) ? objectProblems(schema, value) : [];
}

const INT32 = 2 ** 31;

function numberProblems({ minimum, maximum, format }: Structural, value: number): Problem[] {
  if (format === 'int32' && (value < -INT32 || value >= INT32)) return [{ allowed: 'a 32-bit integer', value }];
  if (minimum !== undefined && value < minimum) return [{ allowed: `at least ${minimum}`, value }];
  return maximum !== undefined && value > maximum ? [{ allowed: `at most ${maximum}`, value }] : [];
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)$/;

function stringProblems(schema: Structural, value: string): Problem[] {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  // The API server counts code points, as the iterator does.
  const length = [...value].length;
  const problems: Problem[] = [];
  if (schema.enum && !schema.enum.includes(value)) {
    const values = schema.enum.filter((allowed) => allowed !== '').map((allowed) => `"${allowed}"`);
    problems.push({ allowed: `one of ${values.join(', ')}`, value });
  }
  if (length < minLength) problems.push({ allowed: `at least ${minLength} characters long`, value });
  if (length > maxLength) problems.push({ allowed: `at most ${maxLength} characters long`, value });
  if (schema.pattern && !new RegExp(schema.pattern).test(value)) {
    problems.push({ allowed: `of the form ${schema.pattern}`, value });
  }
  if (schema.format === 'date-time' && !(RFC_3339.test(value) && Number.isFinite(Date.parse(value)))) {
    problems.push({ allowed: 'an RFC 3339 time', value });
  }
  return problems;
}

function listProblems(schema: Structural, items: readonly unknown[]): Problem[] {
  const { maxItems = Number.POSITIVE_INFINITY } = schema;
  const problems: Problem[] = [];
  if (items.length > maxItems) problems.push({ allowed: `a list of at most ${maxItems}`, value: items });
  const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
  if (key === undefined) return problems;
  const seen = new Set<unknown>();
  items.forEach((item, index) => {
    const id = isObject(item) ? own(item, key) : undefined;
    if (id !== undefined && seen.has(id)) {
      problems.push({ allowed: `a value of ${key} that no other entry has`, value: id, field: `[${index}].${key}` });
    }
    seen.add(id);
  });
  return problems;
}

function objectProblems(schema: Structural, object: Fields): Problem[] {
  const { maxProperties = Number.POSITIVE_INFINITY, required = [], properties = {} } = schema;
  const problems: Problem[] = [];
  if (Object.keys(object).length > maxProperties) {
    problems.push({ allowed: `an object of at most ${maxProperties} fields`, value: object });
  }
  for (const field of required.filter((name) => (own(object, name) ?? undefined) === undefined)) {
    const type = own(properties, field)?.type ?? 'object';
    problems.push({ allowed: TYPES[type].allowed, value: undefined, field, missing: true });
  }
  return problems;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
