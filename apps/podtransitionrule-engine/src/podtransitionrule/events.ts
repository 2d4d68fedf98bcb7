import { keyOf, type PodTransitionRule, RULE_STAGES, type RuleDetail } from '@kuperator/api';
import { type KuperatorEvent, podEvent, ruleEvent } from '@kuperator/events';

/** `pod.transition.decided`: what `rule` has decided about the Pod of `detail`. To be published after it is stored. */
export function transitionDecided(rule: PodTransitionRule, detail: RuleDetail): KuperatorEvent | undefined {
  const stage = RULE_STAGES.find((known) => known === detail.stage);
  if (!stage || !detail.uid) return undefined;
  const { name = '', namespace = '', uid, generation } = rule.metadata;
  const pod = { metadata: { namespace, name: detail.name ?? '', uid: detail.uid } };
  const rejections = (detail.rejectInfo ?? []).map(({ ruleName = '', reason = '' }) => ({
    rule: ruleName,
    reason: reason.slice(0, 1000),
  }));
  return podEvent('transition.decided', pod, {
    rule: { name, ...(uid ? { uid } : {}), ...(generation === undefined ? {} : { generation }) },
    stage,
    passed: detail.passed,
    operations: detail.operations ?? [],
    ...(rejections.length > 0 ? { rejections } : {}),
  });
}

/** `podtransitionrule.evaluated`: the rule object as it was stored. */
export function evaluated(rule: PodTransitionRule): KuperatorEvent {
  const { targets = [], details = [], observedGeneration = 0, observedPodResourceVersion } = rule.status ?? {};
  const passed = details.filter((detail) => detail.passed).length;
  return ruleEvent('evaluated', rule, {
    generation: observedGeneration,
    ...(observedPodResourceVersion ? { observedPodResourceVersion } : {}),
    targets: targets.length,
    passed,
    rejected: details.length - passed,
  });
}

/** Key of the Pod an event is about, if it says that the Pod entered a stage. */
export function enteredStage(event: KuperatorEvent): string | undefined {
  const enters = event.event === 'operation.requested' || event.event === 'operation.done';
  return enters ? keyOf({ metadata: { namespace: event.namespace, name: event.name } }) : undefined;
}
