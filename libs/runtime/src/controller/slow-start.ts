/**
 * Runs `run` for every item in batches of 1, 2, 4, 8…, so that a failure common to all items occurs once and not a thousand times.
 * A batch with a failure is the last one; the items after it are not tried.
 * @returns all failures, empty if there were none; never rejects
 */
export async function slowStart<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
  { initial = 1, max = Number.POSITIVE_INFINITY }: { initial?: number; max?: number } = {},
): Promise<unknown[]> {
  let size = initial;
  for (let start = 0; start < items.length; ) {
    const batch = items.slice(start, start + size);
    const results = await Promise.allSettled(batch.map(async (item) => run(item)));
    const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
    if (failures.length > 0) return failures;
    start += batch.length;
    size = Math.min(max, size * 2);
  }
  return [];
}
