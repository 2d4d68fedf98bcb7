import type { Check } from '@kuperator/observer';

/** The promises that were not kept: none, it is to be hoped. */
export function broken(checks: readonly Check[]): readonly string[] {
  return checks.filter(({ kept }) => !kept).map(({ promise, seen }) => `${promise}; seen: ${seen}`);
}
