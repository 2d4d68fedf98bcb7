/** Encodes as RFC 3986 does: only letters, digits and `-_.~` stay as they are. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Encodes names and values, sorts by name, and joins them: the canonical query of both signature versions. */
export function canonicalQuery(pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}
