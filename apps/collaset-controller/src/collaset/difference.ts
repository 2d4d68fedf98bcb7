import { meaningOf } from './meaning.ts';

/** Path of the first place where two values differ by meaning; undefined when they do not. */
export function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (meaningOf(a) === meaningOf(b)) return undefined;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    for (const [index, item] of a.entries()) {
      const found = firstDifference(item, b[index], `${path}[${index}]`);
      if (found) return found;
    }
  } else if (isRecord(a) && isRecord(b)) {
    for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
      // Wrapped, because what a value means depends on its field.
      if (meaningOf({ [key]: a[key] }) !== meaningOf({ [key]: b[key] })) {
        return firstDifference(a[key], b[key], `${path}.${key}`) ?? `${path}.${key}`;
      }
    }
  }
  return path;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
