// Compact JSON as Go's encoding/json writes it: the characters that could end an HTML element are escaped.

import { own } from '@kuperator/api';

const ESCAPED: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** Every object is written as Go writes a map: keys sorted. */
export function goJson(value: unknown): string {
  return escaped(write(value, true));
}

/** Objects keep the order of their keys, as Go marshals a struct; a `Map` is written in its own order (see `goMap`). */
export function goStructJson(value: unknown): string {
  return escaped(write(value, false));
}

/** The entries of a record sorted by key. A plain object would move keys that look like array indexes to the front. */
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

/** By the bytes of the key, as Go does. Only beyond ASCII these are in another order than JavaScript's characters. */
function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  if (BEYOND_ASCII.test(a) && BEYOND_ASCII.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : Number(a > b);
}

const BEYOND_ASCII = /[^ -~]/;

function escaped(json: string | undefined): string {
  return (json ?? 'null').replace(/[<>&\u2028\u2029]/g, (character) => own(ESCAPED, character) ?? character);
}
