/** What a metric shows in place of a value there is no series left for. */
const OTHER = 'other';

/**
 * Bounds the values of a metric label that anybody may choose, such as the type of an operation: each value is a series that every
 * scrape pays for.
 * @param known values that always have a series
 * @param more how many other values get one, first come, first served; all later ones share `other`
 */
export function boundedLabelValues(known: readonly string[], more: number): (value: string) => string {
  const shown = new Set(known);
  const limit = shown.size + more;
  return (value) => {
    if (shown.has(value)) return value;
    if (shown.size >= limit) return OTHER;
    shown.add(value);
    return value;
  };
}
