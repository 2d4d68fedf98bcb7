import type { AvailablePolicy } from '@kuperator/api';

/** What one availability rule has to give. `unavailable` counts who is down, missing, or has been allowed to go down. */
export type Budget = {
  readonly ruleName: string;
  readonly total: number;
  readonly maxUnavailable: number;
  readonly minAvailable: number;
  unavailable: number;
};

/**
 * The limits a policy sets for `total` Pods: percentages of it, maxUnavailable rounded up and minAvailable down as the Go
 * implementation does (against its own documentation). What is not set does not limit. A `problem` is for the user to mend.
 */
export function limitsOf(
  policy: AvailablePolicy,
  total: number,
): { maxUnavailable: number; minAvailable: number } | { problem: string } {
  const { maxUnavailableValue: max, minAvailableValue: min } = policy;
  if (max === undefined && min === undefined) {
    return policy.maxUnavailablePolicy || policy.minAvailablePolicy
      ? { problem: 'has only an expFunc policy, which is not evaluated by this version' }
      : { problem: 'sets neither maxUnavailableValue nor minAvailableValue' };
  }
  const maxUnavailable = max === undefined ? total : scaled(max, total, Math.ceil);
  const minAvailable = min === undefined ? 0 : scaled(min, total, Math.floor);
  if (maxUnavailable === undefined) return { problem: unreadable('maxUnavailableValue', max) };
  if (minAvailable === undefined) return { problem: unreadable('minAvailableValue', min) };
  return { maxUnavailable, minAvailable };
}

function scaled(value: number | string, total: number, round: (exact: number) => number): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  const percent = /^([+-]?\d+)%$/.exec(value)?.[1];
  return percent === undefined ? undefined : round((Number(percent) * total) / 100);
}

function unreadable(field: string, value: unknown): string {
  return `${field} ${JSON.stringify(value)} is neither a whole number nor a whole percentage such as "25%"`;
}

/** True when one more of the Pods that still serve may go down. */
export function hasRoom(budget: Budget): boolean {
  return limitThatHolds(budget) === undefined;
}

/** Why no further Pod may go down, in numbers. Only for a budget without room. */
export function exhausted(budget: Budget): string {
  const { ruleName, total, maxUnavailable, minAvailable, unavailable } = budget;
  const limit =
    limitThatHolds(budget) === 'min'
      ? `min available ${minAvailable}/${total}`
      : `max unavailable ${maxUnavailable}/${total}`;
  return `rule ${ruleName}: blocked by ${limit}, currently unavailable ${unavailable}/${total}`;
}

function limitThatHolds({ total, maxUnavailable, minAvailable, unavailable }: Budget): 'max' | 'min' | undefined {
  if (maxUnavailable - unavailable <= 0) return 'max';
  return total - unavailable - minAvailable < 1 ? 'min' : undefined;
}
