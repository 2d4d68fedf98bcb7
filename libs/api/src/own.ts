// Users choose names (of labels, annotations, containers, rules, parameters, ports). A name may be `constructor` or `__proto__`, for
// which every plain object has a value. Objects with such names are read and written by these
// two functions, or as a Map. `npm test` refuses an index that the types do not know anywhere else (tools/src/keys).

/** Returns the own value of `record` for `key`; undefined if it has none, or if there is no record. */
export function own<V>(record: { readonly [key: string]: V } | null | undefined, key: string): V | undefined {
  return record !== null && record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Sets the own property `key` of `record`. A plain assignment to `__proto__` would replace the prototype instead. */
export function setOwn<V>(record: { [key: string]: V }, key: string, value: V): void {
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  else record[key] = value;
}
