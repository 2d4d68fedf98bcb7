import type { Budget } from './budget.ts';

/**
 * The use of the budget that is nearest to its limit, as `used/total`: the Pods that are down, missing or allowed to go down, and the limit.
 * `used` exceeds `total` if Pods went down by themselves.
 * @returns undefined when there is no budget, or none can be computed yet
 */
export function slotsOf(budgets: readonly Budget[]): string | undefined {
  const known = budgets
    .filter(({ unread }) => unread === undefined)
    .map((budget) => ({ used: budget.unavailable, total: sizeOf(budget) }));
  const [tightest] = known.toSorted((a, b) => a.total - a.used - (b.total - b.used) || a.total - b.total);
  return tightest && `${tightest.used}/${tightest.total}`;
}

function sizeOf({ maxUnavailable, minAvailable, total }: Budget): number {
  return Math.min(total, Math.max(0, Math.min(maxUnavailable, total - minAvailable)));
}
