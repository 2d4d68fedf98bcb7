// Names that users choose (labels, annotations, containers, rules, parameters, ports) are no property names of ours: one may be
// `constructor` or `__proto__`, for which every plain object has a value. Objects with such names are read and written by these
// two functions, or as a Map. `npm test` refuses an index that the types do not know anywhere else (tools/src/keys).

/** The value that `record` itself has for `key`; undefined for what it only inherits, and without a record. */
export function own<V>(record: { readonly [key: string]: V } | null | undefined, key: string): V | undefined {
  return record !== null && record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Sets `record`'s own property `key`. A plain assignment to `__proto__` would replace the prototype in its place. */
export function setOwn<V>(record: { [key: string]: V }, key: string, value: V): void {
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  else record[key] = value;
}
