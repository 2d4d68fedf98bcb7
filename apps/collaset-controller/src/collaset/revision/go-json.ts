// Compact JSON as Go's encoding/json writes it, with escapes for the characters that could end an HTML element.

import { own } from '@kuperator/api';

const ESCAPED: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** Writes every object with sorted keys, as Go writes a map. */
export function goJson(value: unknown): string {
  return escaped(write(value, true));
}

/** Writes every object in the order of its keys, as Go writes a struct, and every `Map` in its own order (see `goMap`). */
export function goStructJson(value: unknown): string {
  return escaped(write(value, false));
}

/** The entries of the record, sorted by key. A plain object would move keys that look like array indexes to the front. */
export function goMap(record: object): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(record).toSorted(byKey));
}

function write(value: unknown, isSorted: boolean): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, isSorted) ?? 'null').join(',')}]`;
  const entries: [string, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const fields = (isSorted ? entries.toSorted(byKey) : entries).flatMap(([key, item]) => {
    const text = write(item, isSorted);
    return text === undefined ? [] : `${JSON.stringify(key)}:${text}`;
  });
  return `{${fields.join(',')}}`;
}

/** Compares the bytes of the keys, as Go does. Outside ASCII their order differs from that of JavaScript strings. */
function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  if (BEYOND_ASCII.test(a) && BEYOND_ASCII.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : Number(a > b);
}

const BEYOND_ASCII = /[^ -~]/;

function escaped(json: string | undefined): string {
  return (json ?? 'null').replace(/[<>&\u2028\u2029]/g, (character) => own(ESCAPED, character) ?? character);
}
