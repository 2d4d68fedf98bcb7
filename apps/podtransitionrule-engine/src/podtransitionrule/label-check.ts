import { keyOf, type LabelSelector, matchesSelector, type Pod, selectorToString } from '@kuperator/api';
import type { RuleReason } from '@kuperator/holders';
import { malformedOperator } from './selection.ts';

/** Why the Pod does not pass a label check; undefined if it does. Every pass checks again, because a label can be removed. */
export function labelRefusal(requires: LabelSelector | undefined, pod: Pod): RuleReason | undefined {
  if (!requires) return { kind: 'invalid', problem: 'labelCheck has no requires selector' };
  const malformed = malformedOperator(requires);
  if (malformed !== undefined) {
    return { kind: 'invalid', problem: `labelCheck.requires has the unknown operator ${JSON.stringify(malformed)}` };
  }
  if (matchesSelector(requires, pod.metadata.labels)) return undefined;
  return { kind: 'labels', pod: keyOf(pod), requires: selectorToString(requires) };
}
