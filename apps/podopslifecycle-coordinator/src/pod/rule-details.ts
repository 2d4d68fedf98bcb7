import {
  matchesSelector,
  own,
  type Pod,
  type PodTransitionRule,
  RULE_DETAIL_ANNOTATION_PREFIX,
  type RuleDetail,
  setOwn,
} from '@kuperator/api';
import { detailOf, isFor } from '@kuperator/holders';
import { operationsOf } from '@kuperator/lifecycle';

export type AnnotationChanges = Record<string, string | null>;

/** The value of the annotation on a Pod that is in no stage which the rule object guards. */
const NO_STAGE = JSON.stringify({ stage: 'Unknown', passed: true });
/** How many characters may follow the slash in the key of an annotation. */
const NAME_LIMIT = 63;

/**
 * The changes of the Pod's annotations `detail.podtransitionrule.kusionstack.io/<rule object>`: existing ones follow the verdicts, and new
 * ones are added only if `isShown`.
 * @see podtransitionrule.md §5.1
 */
export function ruleDetailChanges(
  pod: Pod,
  rules: readonly PodTransitionRule[],
  { isShown }: { isShown: boolean },
): AnnotationChanges {
  const present = pod.metadata.annotations ?? {};
  const changes: AnnotationChanges = {};
  const selecting = new Set<string>();
  for (const rule of rules) {
    const key = `${RULE_DETAIL_ANNOTATION_PREFIX}${rule.metadata.name}`;
    if (rule.metadata.deletionTimestamp || !matchesSelector(rule.spec.selector, pod.metadata.labels)) continue;
    selecting.add(key);
    const shown = own(present, key) !== undefined;
    const verdict = verdictText(rule, pod);
    const wanted = verdict ?? (shown ? NO_STAGE : undefined);
    const isAllowed = shown || (isShown && key.length - RULE_DETAIL_ANNOTATION_PREFIX.length <= NAME_LIMIT);
    if (isAllowed && wanted !== undefined && own(present, key) !== wanted) setOwn(changes, key, wanted);
  }
  for (const key of Object.keys(present)) {
    if (key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX) && !selecting.has(key)) setOwn(changes, key, null);
  }
  return changes;
}

/** @returns undefined while the rule object has no verdict on an operation of the Pod */
function verdictText(rule: PodTransitionRule, pod: Pod): string | undefined {
  const detail = detailOf(rule, pod);
  if (!detail) return undefined;
  const asked = operationsOf(pod).some((operation) => operation.stage === detail.stage && isFor(detail, operation));
  return asked ? textOf(detail) : undefined;
}

/** The keys have the order of the Go implementation, and empty values are left out. */
function textOf({ stage, passed, rejectInfo = [] }: RuleDetail): string {
  const rejected = rejectInfo.map(({ ruleName, reason }) => ({ ruleName, reason }));
  return JSON.stringify({ stage, passed, ...(rejected.length > 0 ? { rejectInfo: rejected } : {}) });
}
