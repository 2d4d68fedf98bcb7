import type { KubeObject } from './core.ts';
import {
  boolean,
  fields,
  int64,
  intOrString,
  labelSelector,
  listOf,
  oneOf,
  optional,
  type Static,
  string,
  time,
} from './schema.ts';

/** Stages a rule can guard, in the order they are evaluated. */
export const RULE_STAGES = ['PreCheck', 'PostCheck'] as const;
export type RuleStage = (typeof RULE_STAGES)[number];

const adaptive = () =>
  optional(fields({ expFunc: optional(fields({ coeff: optional(string()), pow: optional(string()) })) }));

const availablePolicy = fields({
  maxUnavailableValue: optional(intOrString()),
  minAvailableValue: optional(intOrString()),
  // Kept for compatibility; no implementation reads them.
  maxUnavailablePolicy: adaptive(),
  minAvailablePolicy: adaptive(),
});

const poll = fields({
  url: string(),
  rawQueryKey: optional(string()),
  caBundle: optional(string()),
  intervalSeconds: optional(int64({ default: 5 })),
  timeoutSeconds: optional(int64({ default: 60 })),
});

const parameter = fields({
  key: optional(string()),
  value: optional(string()),
  valueFrom: optional(
    fields({
      type: optional(string()),
      fieldRef: optional(
        fields({ apiVersion: optional(string()), fieldPath: string() }, { 'x-kubernetes-map-type': 'atomic' }),
      ),
    }),
  ),
});

const webhook = fields({
  clientConfig: optional(fields({ url: string(), caBundle: optional(string()), poll: optional(poll) })),
  failurePolicy: optional(oneOf(['', 'Ignore', 'Fail'], { default: 'Ignore' })),
  parameters: optional(listOf(parameter)),
});

export const transitionRule = fields({
  name: string({ minLength: 1 }),
  disabled: optional(boolean()),
  stage: optional(oneOf(['', ...RULE_STAGES])),
  conditions: optional(listOf(string())),
  filter: optional(fields({ labelSelector: optional(labelSelector()) })),
  availablePolicy: optional(availablePolicy),
  labelCheck: optional(fields({ requires: labelSelector() })),
  webhook: optional(webhook),
});

export const podTransitionRuleSpec = fields({
  selector: labelSelector(),
  rules: optional(listOf(transitionRule, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })),
});

const task = fields({
  taskId: optional(string()),
  processing: optional(listOf(string())),
  approved: optional(listOf(string())),
  beginTime: optional(time()),
  lastTime: optional(time()),
  message: optional(string()),
});

const detail = fields({
  name: optional(string()),
  uid: optional(string()),
  stage: optional(string()),
  passed: boolean(),
  passedRules: optional(listOf(string())),
  rejectInfo: optional(listOf(fields({ ruleName: optional(string()), reason: optional(string()) }))),
  operations: optional(listOf(fields({ id: string(), since: string() }))),
});

export const podTransitionRuleStatus = fields({
  observedGeneration: optional(int64()),
  observedPodResourceVersion: optional(string()),
  updateTime: optional(time()),
  targets: optional(listOf(string())),
  details: optional(listOf(detail)),
  ruleStates: optional(
    listOf(
      fields({
        name: optional(string()),
        webhookStatus: optional(fields({ taskStates: optional(listOf(task)), history: optional(listOf(task)) })),
      }),
    ),
  ),
});

export type TransitionRule = Static<typeof transitionRule>;
export type AvailablePolicy = Static<typeof availablePolicy>;
export type TransitionRuleWebhook = Static<typeof webhook>;
export type WebhookTask = Static<typeof task>;
/** The verdict for one Pod that waits in a stage. */
export type RuleDetail = Static<typeof detail>;
export type PodTransitionRuleSpec = Static<typeof podTransitionRuleSpec>;
export type PodTransitionRuleStatus = Static<typeof podTransitionRuleStatus>;
export type PodTransitionRule = KubeObject & { spec: PodTransitionRuleSpec; status?: PodTransitionRuleStatus };
