/**
 * A queue in which groups take turns, so that a group with thousands of items does not delay the others. Within a group the oldest item
 * comes first. An item is in its group at most once.
 */
export class Turns<T> {
  /** In the order of turns. */
  readonly #groups = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the item as the last of its group; returns false if it is there already. */
  add(group: string, item: T): boolean {
    const items = this.#groups.get(group) ?? new Set<T>();
    if (items.has(item)) return false;
    items.add(item);
    this.#groups.set(group, items);
    this.#size++;
    return true;
  }

  delete(group: string, item: T): boolean {
    const items = this.#groups.get(group);
    if (!items?.delete(item)) return false;
    if (items.size === 0) this.#groups.delete(group);
    this.#size--;
    return true;
  }

  /**
   * Takes the oldest item of a group, which then moves to the end.
   * @param rankOf the group with the lowest rank is taken, of equal ones the first in turn; undefined passes over the group. No rank is below 0
   */
  take(
    rankOf: (group: string) => number | undefined = () => 0,
  ): { readonly group: string; readonly item: T } | undefined {
    let best: { group: string; rank: number } | undefined;
    for (const group of this.#groups.keys()) {
      const rank = rankOf(group);
      if (rank === undefined || rank >= (best?.rank ?? Number.POSITIVE_INFINITY)) continue;
      best = { group, rank };
      if (rank === 0) break;
    }
    const items = best && this.#groups.get(best.group);
    if (!best || !items) return undefined;
    const { group } = best;
    const [item] = items as Set<T & {}>;
    items.delete(item as T);
    this.#groups.delete(group);
    if (items.size > 0) this.#groups.set(group, items);
    this.#size--;
    return { group, item: item as T };
  }

  /** The oldest item of each group. */
  *oldest(): Iterable<T> {
    for (const items of this.#groups.values()) yield* items.values().take(1);
  }

  /** The group with the most items, and how many it has. */
  largest(): { readonly group: string; readonly size: number } | undefined {
    let largest: { group: string; size: number } | undefined;
    for (const [group, { size }] of this.#groups) if (size > (largest?.size ?? 0)) largest = { group, size };
    return largest;
  }

  clear(): void {
    this.#groups.clear();
    this.#size = 0;
  }
}
