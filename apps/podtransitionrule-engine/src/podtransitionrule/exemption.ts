import { matchesSelector, type Pod, SKIP_RULES_ANNOTATION, type TransitionRule } from '@kuperator/api';
import { malformedOperator } from './selection.ts';

/** Named facts about a Pod that rules can list in `conditions`. An unregistered name is never true. */
export type Conditions = ReadonlyMap<string, (pod: Pod) => boolean>;

/** True when the rule does not apply to the Pod: it is skipped by annotation, by a condition or by the filter. */
export function isExempt(rule: TransitionRule, pod: Pod, conditions: Conditions): boolean {
  if (isSkipped(rule.name, pod)) return true;
  const { conditions: wanted = [], filter } = rule;
  if (wanted.length > 0 && !wanted.some((name) => conditions.get(name)?.(pod) === true)) return true;
  // A malformed filter matches nothing. It must not exempt everything: the rule applies, and refuses for its mistake.
  if (!filter?.labelSelector || malformedOperator(filter.labelSelector) !== undefined) return false;
  return !matchesSelector(filter.labelSelector, pod.metadata.labels);
}

function isSkipped(ruleName: string, pod: Pod): boolean {
  const annotation = pod.metadata.annotations?.[SKIP_RULES_ANNOTATION];
  if (annotation === undefined) return false;
  try {
    const { skipRules } = JSON.parse(annotation) as { skipRules?: unknown };
    return Array.isArray(skipRules) && skipRules.includes(ruleName);
  } catch {
    // The annotation cannot be read, so the rule applies.
    return false;
  }
}
