/**
 * A text in which counts are marked. Two texts that differ only in counts mean the same, so the second one is not worth a write: in a rollout
 * the counts of a refusal change with every Pod.
 */
export type CountedText = readonly (string | Count)[];
/** One number such as `3`, or two such as `3/4`. */
export type Count = { readonly count: string };

/** Template tag: an interpolated number is a count, everything else is plain text. */
export function counted(
  literals: TemplateStringsArray,
  ...values: readonly (string | number | CountedText)[]
): CountedText {
  return literals.flatMap((literal, at) => {
    const value = values[at] ?? '';
    if (typeof value === 'number') return [literal, { count: String(value) }];
    return typeof value === 'string' ? [literal, value] : [literal, ...value];
  });
}

/** `part` of `whole` as one count: `3/4`. */
export function share(part: number, whole: number): CountedText {
  return [{ count: `${part}/${whole}` }];
}

/** The text as a person reads it. */
export function spelled(text: CountedText): string {
  return text.map((part) => (typeof part === 'string' ? part : part.count)).join('');
}

/** Equal for two texts that differ only in counts. It is a key for comparisons and not a text for people. */
export function countlessKey(text: CountedText): string {
  return text.map((part) => (typeof part === 'string' ? part : '#')).join('');
}

/** True if `stored`, which an earlier process may have written, equals `text` except for the counts. */
export function isSpelled(text: CountedText, stored: string): boolean {
  let at = 0;
  for (const part of text) {
    const length = typeof part === 'string' ? lengthOfLiteral(stored, at, part) : lengthOfCount(stored, at);
    if (length === undefined) return false;
    at += length;
  }
  return at === stored.length;
}

/** Shortens a text that is longer than `limit` characters, and replaces the rest by `ending`. */
export function shortened(text: CountedText, limit: number, ending: string): CountedText {
  if (spelled(text).length <= limit) return text;
  let left = limit - ending.length;
  const kept = text.flatMap((part) => {
    const whole = typeof part === 'string' ? part : part.count;
    const shown = whole.slice(0, Math.max(0, left));
    left -= whole.length;
    if (shown === '') return [];
    return [shown.length < whole.length || typeof part === 'string' ? shown : part];
  });
  return [...kept, ending];
}

/**
 * The message of another program: the scheduler, a kubelet, an approver, or an engine of another version. Such a message has no structure, so
 * a number that stands alone counts as a count. A number in a name, a time or a unit is part of the meaning.
 */
export function foreignText(text: string): CountedText {
  return text.split(NUMBER).map((part, at) => (at % 2 === 0 ? part : { count: part }));
}

const NUMBER = /(?<![\w.:/-])(\d+(?:\/\d+)?)(?![\w:/-])/;

function lengthOfLiteral(stored: string, at: number, literal: string): number | undefined {
  return stored.startsWith(literal, at) ? literal.length : undefined;
}

function lengthOfCount(stored: string, at: number): number | undefined {
  const digits = /-?\d+(?:\/-?\d+)?/y;
  digits.lastIndex = at;
  return digits.exec(stored)?.[0].length;
}
