import type { RuleReason } from '@kuperator/holders';
import type { Limits } from './limits.ts';

/** The slots that one availability rule can grant. `unavailable` counts the Pods that are down, missing, or allowed to go down. */
export type Budget = Limits & {
  readonly ruleName: string;
  readonly total: number;
  /** The owner, as `kind name`, whose replicas have not been read yet. Until then the budget grants nothing. */
  readonly unread: string | undefined;
  readonly unavailable: number;
};

/** The budget after a Pod that adds `costs` to the unavailable ones has got a slot. */
export function charged(budget: Budget, costs: 0 | 1): Budget {
  return costs === 0 ? budget : { ...budget, unavailable: budget.unavailable + costs };
}

/** True if one more serving Pod may go down or, with `costs` 0, one that already counts as unavailable. */
export function hasRoom(budget: Budget, costs: 0 | 1 = 1): boolean {
  return limitThatHolds(budget, costs) === undefined;
}

/** Why no further Pod may go down. Only for a budget without room. */
export function exhausted(budget: Budget): RuleReason {
  const { total, maxUnavailable, minAvailable, unavailable, unread } = budget;
  if (unread !== undefined) return { kind: 'owner-unread', owner: unread };
  return limitThatHolds(budget) === 'min'
    ? { kind: 'budget', limit: 'min available', allowed: minAvailable, total, unavailable }
    : { kind: 'budget', limit: 'max unavailable', allowed: maxUnavailable, total, unavailable };
}

function limitThatHolds(budget: Budget, costs: 0 | 1 = 1): 'unread' | 'max' | 'min' | undefined {
  const { total, maxUnavailable, minAvailable, unavailable, unread } = budget;
  if (unread !== undefined) return 'unread';
  if (maxUnavailable - unavailable < costs) return 'max';
  return total - unavailable - minAvailable < costs ? 'min' : undefined;
}
