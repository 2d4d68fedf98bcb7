/** Runs `work` for each item with `connections` concurrent workers. The first failure ends all. */
export async function overConnections<T>(
  items: readonly T[],
  connections: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: connections }, worker));
}
