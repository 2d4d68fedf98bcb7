/**
 * Text that knows which of its numbers are counts. Two texts that differ only in counts say the same, so the second one is not worth a
 * write: in a rollout the counts of a refusal change with every Pod.
 */
export type CountedText = readonly (string | Count)[];
/** One number such as `3`, or two such as `3/4`. */
export type Count = { readonly count: string };

/** Template tag: an interpolated number is a count, everything else is taken as it is. */
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

/** Equal for two texts that differ only in counts. It is a key to compare by, not a text to show. */
export function countlessKey(text: CountedText): string {
  return text.map((part) => (typeof part === 'string' ? part : '#')).join('');
}

/** True if `stored`, which an earlier process may have written, is `text` with the same or with other counts. */
export function isSpelled(text: CountedText, stored: string): boolean {
  let at = 0;
  for (const part of text) {
    const length = typeof part === 'string' ? lengthOfLiteral(stored, at, part) : lengthOfCount(stored, at);
    if (length === undefined) return false;
    at += length;
  }
  return at === stored.length;
}

/** The beginning of a text that is longer than `limit` characters, with `ending` in the place of the rest. */
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
 * The words of another program: the scheduler, a kubelet, an approver, an engine of another version. It hands over a sentence and no
 * structure, so a number that stands alone is taken for a count. A number in a name, a time or a unit is part of what is meant.
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
