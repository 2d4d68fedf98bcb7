import { own } from '@kuperator/api';
import { goJson } from './go-json.ts';
import { withoutDefaults } from './meaning.ts';

/**
 * Path of the first field in which two Pod specs differ in meaning; undefined if they do not.
 * @param path prefix of the result
 */
export function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  return differenceOf(withoutDefaults(a, 'PodSpec'), withoutDefaults(b, 'PodSpec'), path);
}

const OF_AMOUNTS: ReadonlySet<string> = new Set(['resources', 'requests', 'limits']);

function differenceOf(a: unknown, b: unknown, path: string): string | undefined {
  if (goJson(a ?? null) === goJson(b ?? null)) return undefined;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    for (const [index, item] of a.entries()) {
      const found = differenceOf(item, b[index], `${path}[${index}]`);
      if (found) return found;
    }
  } else if (isRecord(a) && isRecord(b)) {
    for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
      // An added field, such as a probe, differs as a whole. Added resources are named one by one.
      const nothing = OF_AMOUNTS.has(key) ? {} : undefined;
      const found = differenceOf(own(a, key) ?? nothing, own(b, key) ?? nothing, `${path}.${key}`);
      if (found) return found;
    }
  }
  return path;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
