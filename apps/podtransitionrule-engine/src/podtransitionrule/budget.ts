import type { Limits } from './limits.ts';

/** What one availability rule has to give. `unavailable` counts who is down, missing, or has been allowed to go down. */
export type Budget = Limits & {
  readonly ruleName: string;
  readonly total: number;
  /** The owner, as `kind name`, whose replicas are not known: while it is there, nothing is given. */
  readonly unread: string | undefined;
  unavailable: number;
};

/** True when one more of the Pods that still serve may go down; with `costs` 0, one that is among the unavailable already. */
export function hasRoom(budget: Budget, costs: 0 | 1 = 1): boolean {
  return limitThatHolds(budget, costs) === undefined;
}

/** Why no further Pod may go down, in numbers. Only for a budget without room. */
export function exhausted(budget: Budget): string {
  const { ruleName, total, maxUnavailable, minAvailable, unavailable, unread } = budget;
  if (unread !== undefined) return `rule ${ruleName}: the replicas of ${unread} have not been read yet`;
  const limit =
    limitThatHolds(budget) === 'min'
      ? `min available ${minAvailable}/${total}`
      : `max unavailable ${maxUnavailable}/${total}`;
  return `rule ${ruleName}: blocked by ${limit}, currently unavailable ${unavailable}/${total}`;
}

function limitThatHolds(budget: Budget, costs: 0 | 1 = 1): 'unread' | 'max' | 'min' | undefined {
  const { total, maxUnavailable, minAvailable, unavailable, unread } = budget;
  if (unread !== undefined) return 'unread';
  if (maxUnavailable - unavailable < costs) return 'max';
  return total - unavailable - minAvailable < costs ? 'min' : undefined;
}
