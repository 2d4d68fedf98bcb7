/** What every object inherits. Each is a name that users may give to a label, a container, a rule or an operation. */
export const INHERITED_NAMES: readonly string[] = Object.getOwnPropertyNames(Object.prototype);

/** A name that nothing inherits, and that sorts as `name` does. */
export function plainNameLike(name: string): string {
  return `${name}x`;
}

/**
 * What `answer` says about `name`, as JSON text in which the name itself is blanked out, so that the answers for two names can be
 * compared: they are the same where the name does not matter.
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
