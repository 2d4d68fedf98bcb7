/**
 * Increasing numbers of 20 digits, so that text order is number order: milliseconds, then a count within the millisecond. They also
 * increase across restarts, as long as the clock does.
 */
export function sequenceSource(now: () => number): () => string {
  let ms = 0;
  let count = 0;
  return () => {
    const current = now();
    if (current > ms) {
      ms = current;
      count = 0;
    }
    return `${String(Math.trunc(ms)).padStart(13, '0')}${String(count++).padStart(7, '0')}`;
  };
}
