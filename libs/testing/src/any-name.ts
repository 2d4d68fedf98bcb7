/** The properties that every object inherits. Users may give each of these names to a label, a container, a rule or an operation. */
export const INHERITED_NAMES: readonly string[] = Object.getOwnPropertyNames(Object.prototype);

/** A name that nothing inherits, and that sorts as `name` does. */
export function plainNameLike(name: string): string {
  return `${name}x`;
}

/**
 * The answer for `name` as JSON text without the name itself. If the name does not matter, two names have equal texts.
 */
export function answerFor(name: string, answer: (name: string) => unknown): string {
  const text = JSON.stringify(answer(name), plain) ?? 'undefined';
  return text.replaceAll(name, '‹name›');
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Map) return { map: [...value] };
  if (value instanceof Set) return { set: [...value] };
  return typeof value === 'bigint' || value === undefined ? `‹${typeof value}› ${value}` : value;
}
