import { own } from '@kuperator/api';
import { goJson } from './go-json.ts';
import { withoutDefaults } from './meaning.ts';

/**
 * Path of the first place where two values differ by meaning; undefined when they do not.
 * @param type of both, as in go-types.gen.ts
 */
export function firstDifference(a: unknown, b: unknown, path: string, type = 'PodSpec'): string | undefined {
  return differenceOf(withoutDefaults(a, type), withoutDefaults(b, type), path);
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
      // An added probe differs as a whole; of resources it is told which.
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
