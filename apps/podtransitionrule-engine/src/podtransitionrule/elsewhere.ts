import { isTerminating, type Pod, type PodTransitionRule, type RuleStage } from '@kuperator/api';
import { applyingTo, type RuleSettings, rejectionBy, type StageRule, stageRulesOf } from './rules.ts';
import { selects } from './selection.ts';

/**
 * Tells whether another rule object refuses a Pod its stage, budgets apart: then `rule` gives it no slot, which it could
 * not use and others would wait for (H4). Stale knowledge here costs time, never the budget.
 */
export function refusalElsewhere(
  rule: PodTransitionRule,
  inNamespace: readonly PodTransitionRule[],
  settings: RuleSettings,
): (pod: Pod, stage: RuleStage) => string | undefined {
  const others = inNamespace.filter((other) => other.metadata.uid !== rule.metadata.uid && !isTerminating(other));
  const prepared = new Map<string, readonly StageRule[]>();
  const rulesFor = (other: PodTransitionRule, stage: RuleStage) => {
    const id = `${stage}/${other.metadata.uid}`;
    const known = prepared.get(id) ?? stageRulesOf(other.spec, stage, settings);
    prepared.set(id, known);
    return known;
  };
  return (pod, stage) => {
    for (const other of others) {
      const rules = rulesFor(other, stage);
      if (rules.length === 0 || !selects(other, pod)) continue;
      for (const stageRule of applyingTo(pod, rules, settings.conditions)) {
        const rejection = rejectionBy(stageRule, pod);
        if (rejection) return `PodTransitionRule ${other.metadata.name} refuses it: ${rejection.reason}`;
      }
    }
    return undefined;
  };
}
