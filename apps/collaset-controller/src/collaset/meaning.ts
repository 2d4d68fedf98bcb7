// Two revisions are the same when they mean the same Pod, not when their bytes are equal: the Go implementation stores what its
// types make of the user's YAML (zero values added or dropped, quantities respelled), we store what the user wrote.

import { goJson } from './go-json.ts';
import { canonicalQuantity } from './quantity.ts';

/** Maps from the user's keys to strings: everything in them counts, an empty value too. */
const STRING_MAPS = new Set(['labels', 'annotations', 'nodeSelector', 'matchLabels', 'options', 'volumeAttributes']);
const QUANTITY_MAPS = new Set(['requests', 'limits', 'overhead']);
const QUANTITIES = new Set(['sizeLimit', 'divisor']);
/** Structs that Go writes out although nothing is in them. */
const EMPTY_STRUCTS = new Set(['resources', 'status', 'metadata']);
/** Strings whose empty value differs from none (pointers in the Go types). */
const POINTER_STRINGS = new Set(['storageClassName']);
/** Booleans and numbers that are no pointers in the Go types: their zero value is the same as none. */
const ZERO_IS_NONE = new Set([
  'stdin',
  'stdinOnce',
  'tty',
  'readOnly',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'hostPort',
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
]);

/** A string that is equal for templates that mean the same. */
export function meaningOf(value: unknown): string {
  return goJson(reduced(value, '') ?? null);
}

function reduced(value: unknown, key: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (value === '') return POINTER_STRINGS.has(key) ? '' : undefined;
  if ((value === false || value === 0) && ZERO_IS_NONE.has(key)) return undefined;
  if (QUANTITIES.has(key)) return canonicalQuantity(value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => reduced(item, '') ?? {});
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value);
  if (STRING_MAPS.has(key)) return entries.length === 0 ? undefined : value;
  if (QUANTITY_MAPS.has(key)) {
    const quantities = entries.map(([name, quantity]) => [name, canonicalQuantity(quantity)] as const);
    return quantities.length === 0 ? undefined : Object.fromEntries(quantities);
  }
  const kept: Record<string, unknown> = {};
  for (const [name, item] of entries) {
    const reducedItem = reduced(item, name);
    if (reducedItem !== undefined) kept[name] = reducedItem;
  }
  return EMPTY_STRUCTS.has(key) && Object.keys(kept).length === 0 ? undefined : kept;
}
