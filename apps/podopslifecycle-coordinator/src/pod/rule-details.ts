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

/** What the annotation says of a Pod that is in no stage the rule object guards. */
const NO_STAGE = JSON.stringify({ stage: 'Unknown', passed: true });
/** What may follow the slash of an annotation's key. */
const NAME_LIMIT = 63;

/**
 * What the Pod's annotations `detail.podtransitionrule.kusionstack.io/<rule object>` have to become: those it has follow the
 * verdicts, those it lacks are added only where `isShown`.
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

/** @returns undefined while there is no verdict on an operation of the Pod */
function verdictText(rule: PodTransitionRule, pod: Pod): string | undefined {
  const detail = detailOf(rule, pod);
  if (!detail) return undefined;
  const asked = operationsOf(pod).some((operation) => operation.stage === detail.stage && isFor(detail, operation));
  return asked ? textOf(detail) : undefined;
}

/** Keys in the order of the Go implementation, empty ones left out. */
function textOf({ stage, passed, rejectInfo = [] }: RuleDetail): string {
  const rejected = rejectInfo.map(({ ruleName, reason }) => ({ ruleName, reason }));
  return JSON.stringify({ stage, passed, ...(rejected.length > 0 ? { rejectInfo: rejected } : {}) });
}
