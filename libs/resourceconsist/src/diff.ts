import { isDeepStrictEqual } from 'node:util';
import type { ProviderRecord } from './adapter.ts';

export type Diff<T> = {
  readonly create: readonly T[];
  /** The expected side of records that differ. */
  readonly update: readonly T[];
  readonly unchanged: readonly T[];
  /** Current records that are not expected. */
  readonly delete: readonly T[];
};

/**
 * The changes that turn `current` into `expected`, by id and in the order of ids.
 * @throws Error if one list has an id twice
 */
export function diffById<T extends ProviderRecord>(
  expected: readonly T[],
  current: readonly T[],
  equal: (expected: T, current: T) => boolean = isDeepStrictEqual,
): Diff<T> {
  const wanted = byId('expected', expected);
  const present = byId('current', current);
  const create: T[] = [];
  const update: T[] = [];
  const unchanged: T[] = [];
  for (const record of wanted.values()) {
    const known = present.get(record.id);
    if (known === undefined) create.push(record);
    else if (equal(record, known)) unchanged.push(record);
    else update.push(record);
  }
  return { create, update, unchanged, delete: [...present.values()].filter(({ id }) => !wanted.has(id)) };
}

function byId<T extends ProviderRecord>(side: string, records: readonly T[]): Map<string, T> {
  const sorted = records.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const map = new Map<string, T>();
  for (const record of sorted) {
    if (map.has(record.id)) throw new Error(`two ${side} records have the id ${JSON.stringify(record.id)}`);
    map.set(record.id, record);
  }
  return map;
}
