/** Label value for all values that get no series of their own. */
const OTHER = 'other';

/**
 * Bounds the values of a metric label that users choose, such as the type of an operation, because each value is a series that every
 * scrape transfers.
 * @param known values that always have a series
 * @param more how many other values get a series, in the order of their appearance; all later values share `other`
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
