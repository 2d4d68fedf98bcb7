/**
 * The text, whatever it counts: figures in a rule's reason move with every Pod of a roll, and are not worth a write for each
 * waiting one. Those of now are in the rule's status.
 */
export function withoutCounts(text = ''): string {
  // Numbers that stand alone, and `3/30`; those in names, times and finalizers are part of who is meant.
  return text.replace(/(?<![\w.:/-])\d+(?:\/\d+)?(?![\w:/-])/g, '#');
}
