// Compact JSON as Go's encoding/json writes it.

const ESCAPED: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** As Go writes a map: keys in the order of their bytes, and the characters that could end an HTML element escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => goJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return escaped(JSON.stringify(value));
  const fields = value as Record<string, unknown>;
  // Not through a sorted object: that would put keys that look like integers first.
  const keys = Object.keys(fields).filter((key) => fields[key] !== undefined);
  keys.sort(keys.some((key) => BEYOND_ASCII.test(key)) ? byBytes : undefined);
  return `{${keys.map((key) => `${escaped(JSON.stringify(key))}:${goJson(fields[key])}`).join(',')}}`;
}

const BEYOND_ASCII = /[^\0-\x7f]/;

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** As `goJson`, but keys in the order they stand in: for what Go marshals from a struct. */
export function goStructJson(value: unknown): string {
  return escaped(JSON.stringify(value));
}

function escaped(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => ESCAPED[character] ?? character);
}

export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) result[key] = sorted((value as Record<string, unknown>)[key]);
  return result;
}
