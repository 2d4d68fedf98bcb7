// Rewrites an object as Go's encoding/json writes it after reading it into its types: it adds or omits empty fields and respells
// quantities. The ControllerRevisions of the Go implementation contain Pod templates in this form.
import { own, setOwn } from '@kuperator/api';
import { goQuantity } from './go-quantity.ts';
import { GO_TYPES_1_22 } from './go-types.gen.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param type a type in go-types.gen.ts, for example `PodTemplateSpec` or `[]PersistentVolumeClaim`
 * @returns `value` as Go writes it. Go would drop fields that are not in Kubernetes 1.22. They are kept, because Pods are created from the
 *   result.
 */
export function goForm(value: unknown, type: string): unknown {
  const given = value ?? null;
  if (type.startsWith('*')) return given === null ? null : goForm(given, type.slice(1));
  if (type.startsWith('[]')) return Array.isArray(given) ? given.map((item) => goForm(item, type.slice(2))) : given;
  if (type.startsWith('{}')) return isObject(given) ? goMap(given, type.slice(2)) : given;
  switch (type) {
    case 'string':
      return given ?? '';
    case 'bool':
      return given ?? false;
    case 'int':
    case 'IntOrString':
      return given ?? 0;
    case 'Quantity':
      return given === null ? '0' : goQuantity(given);
    case 'Time':
    case 'any':
      return given;
    default:
      return given === null || isObject(given) ? goStruct(given ?? {}, type) : given;
  }
}

function goMap(value: Fields, type: string): unknown {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, goForm(item, type)]));
}

function goStruct(value: Fields, name: string): unknown {
  const known = own(GO_TYPES_1_22, name) ?? {};
  const written: Record<string, unknown> = {};
  for (const [field, described] of Object.entries(known)) {
    const isAlways = described.endsWith('!');
    const type = isAlways ? described.slice(0, -1) : described;
    const item = goForm(own(value, field), type);
    if (isAlways || !isOmitted(item, type)) setOwn(written, field, item);
  }
  for (const [field, item] of Object.entries(value)) {
    if (!Object.hasOwn(known, field) && item !== null && item !== undefined) setOwn(written, field, item);
  }
  return written;
}

/** Whether `omitempty` omits the value in Go. It never omits a struct, and a pointer only if it is nil. */
function isOmitted(item: unknown, type: string): boolean {
  if (type.startsWith('*')) return item === null;
  if (type.startsWith('[]')) return item === null || (Array.isArray(item) && item.length === 0);
  if (type.startsWith('{}')) return item === null || (isObject(item) && Object.keys(item).length === 0);
  if (type === 'string') return item === '';
  if (type === 'bool') return item === false;
  if (type === 'int') return item === 0;
  return type === 'any' && item === null;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
