import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';

/** The part of JSON Schema that these checks use. */
export type Schema = { type?: unknown; properties?: Record<string, Schema>; additionalProperties?: unknown };

/** Paths of values without a comment: none on the value itself, on a map that contains it, or on each of its parts. */
export function unexplained(valuesYaml: string): string[] {
  const document = parseDocument(valuesYaml);
  return isMap(document.contents) ? unexplainedIn(document.contents, '') : [];
}

/** Paths of values that the schema does not contain, and of objects in the schema that would accept a misspelt value. */
export function uncovered(values: unknown, schema: Schema, path = ''): string[] {
  if (!schema.properties) return [];
  const loose =
    schema.additionalProperties === false ? [] : [`${path || 'the root'} (needs additionalProperties: false)`];
  const inner = Object.entries((values ?? {}) as Record<string, unknown>).flatMap(([key, value]) => {
    const property = schema.properties?.[key];
    const keyPath = join(path, key);
    return property ? uncovered(value, property, keyPath) : [keyPath];
  });
  return [...loose, ...inner];
}

/** Values that two charts describe or check differently. They come from the library chart, so they must be the same. */
export function disagreeing(charts: Record<string, Schema>): string[] {
  const seen = new Map<string, { chart: string; text: string }>();
  return Object.entries(charts).flatMap(([chart, schema]) =>
    Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
      const text = JSON.stringify(property);
      const first = seen.get(key);
      if (!first) seen.set(key, { chart, text });
      return first && first.text !== text ? [`${key} in ${chart} and ${first.chart}`] : [];
    }),
  );
}

function unexplainedIn(map: YAMLMap, path: string): string[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) return [];
    // The parser gives the comment above a nested map's first key to the map.
    if (key.commentBefore || (index === 0 && map.commentBefore)) return [];
    const keyPath = join(path, String(key.value));
    return isMap(value) && value.items.length > 0 ? unexplainedIn(value, keyPath) : [keyPath];
  });
}

function join(path: string, key: string): string {
  return path ? `${path}.${key}` : key;
}
