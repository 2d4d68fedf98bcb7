import type { Check } from '@kuperator/observer';

/** The promises that were broken. Tests expect none. */
export function broken(checks: readonly Check[]): readonly string[] {
  return checks.filter(({ kept }) => !kept).map(({ promise, seen }) => `${promise}; seen: ${seen}`);
}
