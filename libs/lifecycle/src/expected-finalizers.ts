import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod, setOwn } from '@kuperator/api';

/** By `<Kind>/<namespace>/<name>` of the employer: the finalizer that must be on the Pod before it is service-available. */
export type ExpectedFinalizers = Readonly<Record<string, string>>;

/**
 * The Pod's expected finalizers; none if the annotation is missing or null.
 * @returns undefined if the annotation cannot be parsed, so that the finalizers to wait for are unknown
 */
export function expectedFinalizersOf(pod: Pod): ExpectedFinalizers | undefined {
  const text = pod.metadata.annotations?.[AVAILABLE_CONDITIONS_ANNOTATION];
  if (text === undefined || text === '') return {};
  const parsed = parseObject(text);
  if (!parsed) return undefined;
  const expected = parsed.expectedFinalizers ?? {};
  if (!isRecord(expected)) return undefined;
  const finalizers: Record<string, string> = {};
  for (const [key, finalizer] of Object.entries(expected)) {
    if (typeof finalizer !== 'string') return undefined;
    setOwn(finalizers, key, finalizer);
  }
  return finalizers;
}

/**
 * The new text of the annotation, in which `key` expects `finalizer`, or is removed if that is null. Other keys and unknown fields of the
 * annotation stay (T88). An empty map is omitted, as in the Go implementation.
 * @throws Error if the present annotation cannot be parsed, because overwriting it could lose the key of another employer
 */
export function withExpectedFinalizer(pod: Pod, key: string, finalizer: string | null): string {
  const current = expectedFinalizersOf(pod);
  const text = pod.metadata.annotations?.[AVAILABLE_CONDITIONS_ANNOTATION] ?? '';
  if (!current) {
    throw new Error(`annotation ${AVAILABLE_CONDITIONS_ANNOTATION} is ${JSON.stringify(text)}, not a JSON object`);
  }
  const expected: Record<string, string> = { ...current };
  if (finalizer === null) delete expected[key];
  else setOwn(expected, key, finalizer);
  const rest = { ...parseObject(text) };
  delete rest.expectedFinalizers;
  return JSON.stringify(Object.keys(expected).length > 0 ? { ...rest, expectedFinalizers: sortKeys(expected) } : rest);
}

/** The expected finalizers that are not on the Pod, by employer key; undefined when the annotation is malformed. */
export function missingFinalizers(
  expected: ExpectedFinalizers | undefined,
  present: readonly string[],
): ExpectedFinalizers | undefined {
  if (!expected) return undefined;
  return Object.fromEntries(Object.entries(expected).filter(([, finalizer]) => !present.includes(finalizer)));
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text || '{}');
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortKeys(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
