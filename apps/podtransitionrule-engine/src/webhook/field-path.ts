// Field paths as the downward API writes them, over a whole Pod.

import { own, type Pod } from '@kuperator/api';

/** Reads one field of a Pod as text. A missing field is empty text. */
type FieldReader = (pod: Pod) => string;

/**
 * Returns the reader for `path`: `metadata.labels['key']`, a whole map (`metadata.annotations`, as sorted lines `key="value"`), or any other
 * field by a dotted path. Text is returned unchanged, other values as JSON. Lists cannot be indexed.
 * @returns what is wrong with the path, as text
 */
export function fieldReader(path: string): FieldReader | string {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript) return ofMapEntry(subscript[1] === 'labels' ? 'labels' : 'annotations', subscript[2] ?? '');
  if (path === 'metadata.labels') return (pod) => linesOf(pod.metadata.labels);
  if (path === 'metadata.annotations') return (pod) => linesOf(pod.metadata.annotations);
  const names = path.split('.');
  if (!names.every((name) => FIELD.test(name))) return `fieldPath ${JSON.stringify(path)} cannot be read`;
  return (pod) => textAt(pod, names);
}

function ofMapEntry(map: 'labels' | 'annotations', key: string): FieldReader | string {
  // Annotations may have upper case in the name before the slash, as in the Go implementation.
  if (!isQualifiedName(map === 'annotations' ? key.toLowerCase() : key))
    return `fieldPath names ${JSON.stringify(key)}, which is no ${map === 'labels' ? 'label' : 'annotation'} key`;
  return ({ metadata }) => own(metadata[map], key) ?? '';
}

function isQualifiedName(key: string): boolean {
  const [name = '', prefix, ...rest] = key.split('/').reverse();
  if (rest.length > 0 || !NAME.test(name)) return false;
  return prefix === undefined || (prefix.length <= 253 && PREFIX.test(prefix));
}

function textAt(object: unknown, names: readonly string[]): string {
  const value = names.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null ? own(inner as Record<string, unknown>, name) : undefined,
    object,
  );
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function linesOf(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => `${key}=${quoted(value)}`).join('\n');
}

/** As Go's strconv.Quote. */
function quoted(text: string): string {
  const escaped = text.replace(/["\\]|[^ \p{L}\p{M}\p{N}\p{P}\p{S}]/gu, (character) => {
    const short = SHORT.get(character);
    if (short !== undefined) return short;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `"${escaped}"`;
}

const SHORT: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);
const FIELD = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
