// Two templates have the same meaning if the API server creates the same Pods and claims from them. Their bytes may differ: users may write
// out defaults or omit them, and the Go implementation stores templates in the form of its types.
import { own, setOwn } from '@kuperator/api';
import { goJson } from './go-json.ts';
import { GO_TYPES_1_36 } from './go-types.gen.ts';
import { dropDefaults, type Fields } from './pod-defaults.ts';
import { canonicalQuantity, roundedQuantity } from './quantity.ts';

/**
 * A string that is equal for values with the same meaning to the API server.
 * @param type a type in go-types.gen.ts
 */
export function meaningOf(value: unknown, type: string): string {
  return goJson(withoutDefaults(value, type) ?? null);
}

/**
 * The value without defaults and without empty values that equal a missing one, and with one spelling for each quantity; undefined if nothing
 * is left. The zero value of a pointer stays, because it differs from a missing one. Fields that are not in Kubernetes 1.36 stay as they are.
 * @param type a type in go-types.gen.ts
 */
export function withoutDefaults(value: unknown, type: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (type.startsWith('*')) return pointed(value, type.slice(1));
  if (type.startsWith('[]')) return Array.isArray(value) ? listOf(value, type.slice(2)) : value;
  if (type.startsWith('{}')) return isFields(value) ? mapOf(value, type.slice(2)) : value;
  switch (type) {
    case 'string':
      return value === '' ? undefined : value;
    case 'bool':
      return value === false ? undefined : value;
    case 'int':
    case 'IntOrString':
      return value === 0 ? undefined : value;
    case 'Quantity':
      return canonicalQuantity(value) === canonicalQuantity(0) ? undefined : canonicalQuantity(value);
    default:
      return isFields(value) ? structOf(value, type) : value;
  }
}

/** The value of a pointer, or of an element of a list or map. An empty one stays, because it differs from a missing one. */
function pointed(value: unknown, type: string): unknown {
  if (type === 'Quantity') return canonicalQuantity(value);
  return withoutDefaults(value, type) ?? (isFields(value) ? {} : value);
}

function listOf(value: readonly unknown[], type: string): unknown {
  return value.length === 0 ? undefined : value.map((item) => pointed(item ?? {}, type));
}

function mapOf(value: Readonly<Fields>, type: string): unknown {
  const given = Object.entries(value).filter(([, item]) => item !== undefined);
  const entries = given.map(([key, item]) => {
    // The API server rounds resource amounts up to thousandths.
    return [key, type === 'Quantity' ? roundedQuantity(item) : pointed(item ?? '', type)] as const;
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function structOf(value: Readonly<Fields>, name: string): unknown {
  const known = own(GO_TYPES_1_36, name);
  const kept: Fields = {};
  for (const [field, item] of Object.entries(value)) {
    const type = own(known, field);
    const left = type === undefined ? (item ?? undefined) : withoutDefaults(item, type.replace('!', ''));
    if (left !== undefined) setOwn(kept, field, left);
  }
  dropDefaults(kept, name);
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
