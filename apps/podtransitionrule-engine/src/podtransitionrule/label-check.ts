import { keyOf, type LabelSelector, matchesSelector, type Pod, selectorToString } from '@kuperator/api';
import { malformedOperator } from './selection.ts';

/** Why the Pod does not pass a label check; undefined when it does. Asked anew in every pass: a label can go again. */
export function labelRefusal(requires: LabelSelector | undefined, pod: Pod): string | undefined {
  if (!requires) return 'labelCheck has no requires selector';
  const malformed = malformedOperator(requires);
  if (malformed !== undefined) return `labelCheck.requires has the unknown operator ${JSON.stringify(malformed)}`;
  if (matchesSelector(requires, pod.metadata.labels)) return undefined;
  return `labels of ${keyOf(pod)} do not match ${selectorToString(requires)}`;
}
