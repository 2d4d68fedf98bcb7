/**
 * Waits for all of several groups of work, each of which answers with its failures (`slowStart`), and joins these.
 * A group that itself rejects counts as one failure. Never rejects, so that one group never hides another's errors.
 */
export async function settleAll(groups: readonly Promise<readonly unknown[]>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(groups);
  return results.flatMap((result) => (result.status === 'fulfilled' ? [...result.value] : [result.reason]));
}
