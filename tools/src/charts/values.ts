import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';

/** The part of JSON Schema that matters here. */
export type Schema = { type?: unknown; properties?: Record<string, Schema>; additionalProperties?: unknown };

/** Values that no comment explains, as paths: neither the value itself has one, nor what it is part of, nor all its parts. */
export function unexplained(valuesYaml: string): string[] {
  const document = parseDocument(valuesYaml);
  return isMap(document.contents) ? unexplainedIn(document.contents, '') : [];
}

/** Values that the schema does not know, and objects in it that would let a misspelt value pass, as paths. */
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

/** Values that two charts describe in different words or check differently. They come from the library chart, so must agree. */
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
