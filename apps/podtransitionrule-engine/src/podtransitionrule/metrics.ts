import { type Key, type RuleDetail, splitKey } from '@kuperator/api';
import type { Metrics } from '@kuperator/runtime';

export type RuleMetrics = {
  /** Records an evaluation: its duration, the number of waiting Pods, and how many of them the status leaves out. */
  evaluated(key: Key, seconds: number, pods: { waiting: number; leftOut: number }): void;
  decided(details: readonly RuleDetail[]): void;
  /** An evaluation was postponed because the Pod cache is older than the last verdicts. */
  cacheBehind(): void;
  /** The failure of a webhook counted as an approval, as the rule object asks for. */
  webhookIgnored(): void;
  forget(key: Key): void;
};

export function ruleMetrics(metrics: Metrics): RuleMetrics {
  const seconds = metrics.histogram({
    name: 'kuperator_podtransitionrule_evaluation_seconds',
    help: 'Time to evaluate one PodTransitionRule, without writing.',
  });
  const waitingPods = metrics.gauge({
    name: 'kuperator_podtransitionrule_waiting_pods',
    help: 'Pods in a stage that may not pass yet, by rule object.',
    labels: ['namespace', 'rule'],
  });
  const leftOutPods = metrics.gauge({
    name: 'kuperator_podtransitionrule_left_out_pods',
    help: 'Waiting Pods for which the status of the PodTransitionRule has no room, by rule object; no series if there are none.',
    labels: ['namespace', 'rule'],
  });
  const verdicts = metrics.counter({
    name: 'kuperator_podtransitionrule_verdicts_total',
    help: 'Stored decisions: one for each Pod, and another one each time its answer changes.',
    labels: ['verdict'],
  });
  const behind = metrics.counter({
    name: 'kuperator_podtransitionrule_cache_behind_total',
    help: 'Evaluations postponed because the Pod cache was older than the last verdicts.',
  });
  const ignored = metrics.counter({
    name: 'kuperator_podtransitionrule_webhook_ignored_total',
    help: 'Failures of webhooks that counted as approvals.',
  });
  const labelsOf = (key: Key) => {
    const { namespace = '', name } = splitKey(key);
    return { namespace, rule: name };
  };
  return {
    evaluated(key, took, { waiting, leftOut }) {
      seconds.observe(took);
      waitingPods.set(labelsOf(key), waiting);
      if (leftOut > 0) leftOutPods.set(labelsOf(key), leftOut);
      else leftOutPods.remove(labelsOf(key));
    },
    decided(details) {
      const passed = details.filter((detail) => detail.passed).length;
      verdicts.inc({ verdict: 'passed' }, passed);
      verdicts.inc({ verdict: 'rejected' }, details.length - passed);
    },
    cacheBehind: () => behind.inc(),
    webhookIgnored: () => ignored.inc(),
    forget(key) {
      waitingPods.remove(labelsOf(key));
      leftOutPods.remove(labelsOf(key));
    },
  };
}
