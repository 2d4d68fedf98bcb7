import { Type } from 'typebox';
import type { Condition, KubeObject } from './core.ts';
import { AGE, counted, type KindDeclaration, text, wide } from './kind.ts';
import { HAS_POLICY, NAME_FITS_ANNOTATION, SOME_AVAILABLE_LIMIT, WHOLE_FUNCTION } from './podtransitionrule-rules.ts';
import {
  boolean,
  fields,
  int32,
  int64,
  intOrString,
  listByKey,
  listOf,
  oneOf,
  optional,
  string,
  time,
} from './schema.ts';
import { labelSelector } from './selector-schema.ts';

/** Stages a rule can guard, in the order they are evaluated. */
export const RULE_STAGES = ['PreCheck', 'PostCheck'] as const;
export type RuleStage = (typeof RULE_STAGES)[number];

// The number of digits that Go can parse.
const budget = (description: string) => optional(intOrString({ pattern: '^[-+]?[0-9]{1,18}%$', description }));
// Go clients send empty strings for what is unset.
const decimal = () => optional(string({ maxLength: 32, pattern: '^([-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+))?$' }));
const adaptive = (description: string) =>
  optional(
    fields(
      { expFunc: optional(fields({ coeff: decimal(), pow: decimal() }, { rules: [WHOLE_FUNCTION] })) },
      { description },
    ),
  );

const availablePolicy = fields(
  {
    maxUnavailableValue: budget(
      'How many selected Pods may be unavailable: a number, or a percentage of them, rounded up.',
    ),
    minAvailableValue: budget(
      'How many selected Pods must stay available: a number, or a percentage of them, rounded down.',
    ),
    maxUnavailablePolicy: adaptive(
      'The same as a function of the selected Pods: coeff * Pods ^ pow, rounded up. With a value set too, the stricter of both holds.',
    ),
    minAvailablePolicy: adaptive(
      'The same as a function of the selected Pods: coeff * Pods ^ pow, rounded down. With a value set too, the stricter of both holds.',
    ),
  },
  { rules: [SOME_AVAILABLE_LIMIT] },
);

const url = () => string({ maxLength: 2048, pattern: '^https?://[^/]' });
/** Twice the size, in base64, of the bundle of all public CAs. */
const MAX_CA_BUNDLE = 524_288;
// Raw PEM has dashes, which base64 has not.
const caBundle = () =>
  optional(
    string({
      maxLength: MAX_CA_BUNDLE,
      pattern: '^[A-Za-z0-9+/=\\s]*$',
      description:
        "PEM certificates of the authorities that sign the server's certificate, in base64; if empty, those of the system.",
    }),
  );

/** Go stores durations as nanoseconds in 63 bits, so longer ones never worked. */
const MAX_SECONDS = 9_223_372_036;

const poll = fields({
  url: url(),
  rawQueryKey: optional(
    string({ maxLength: 253, description: 'Query parameter that names the task; task-id if empty.' }),
  ),
  caBundle: caBundle(),
  intervalSeconds: optional(int64({ minimum: 0, maximum: MAX_SECONDS, default: 5 })),
  timeoutSeconds: optional(
    int64({
      minimum: 0,
      maximum: MAX_SECONDS,
      default: 60,
      description: 'Time limit of the whole task, not of one request.',
    }),
  ),
});

const parameter = fields({
  key: optional(string({ maxLength: 1024 })),
  value: optional(string({ maxLength: 262_144 })),
  valueFrom: optional(
    fields({
      type: optional(string({ maxLength: 253 })),
      fieldRef: optional(
        fields(
          { apiVersion: optional(string({ maxLength: 253 })), fieldPath: string({ maxLength: 1024 }) },
          { 'x-kubernetes-map-type': 'atomic' },
        ),
      ),
    }),
  ),
});

const webhook = fields({
  clientConfig: fields({ url: url(), caBundle: caBundle(), poll: optional(poll) }),
  failurePolicy: optional(oneOf(['', 'Ignore', 'Fail'], { default: 'Ignore' })),
  parameters: optional(
    listOf(parameter, {
      maxItems: 1024,
      'x-kubernetes-list-type': 'atomic',
      description:
        'What the question says about each Pod. A question may have 4 MiB: Pods beyond that are asked about after it, and one that alone has more is refused.',
    }),
  ),
});

const ruleFields = {
  name: string({ minLength: 1, maxLength: 1024 }),
  disabled: optional(boolean()),
  stage: optional(oneOf(RULE_STAGES, { description: 'The stage in which the rule is evaluated; PreCheck if unset.' })),
  conditions: optional(listOf(string({ maxLength: 317 }), { maxItems: 256, 'x-kubernetes-list-type': 'atomic' })),
  filter: optional(fields({ labelSelector: optional(labelSelector()) })),
  availablePolicy: optional(availablePolicy),
  labelCheck: optional(fields({ requires: labelSelector() })),
  webhook: optional(webhook),
};
const rule = fields(ruleFields, { rules: [HAS_POLICY] });

const spec = fields({
  selector: labelSelector({
    description: 'Selects the Pods of this namespace to which the rules apply; {} selects all.',
  }),
  rules: optional(
    // The size bounds the cost of the CEL rules of the selectors within.
    listByKey('name', rule, {
      maxItems: 256,
      description: 'A Pod passes a stage if it passes all rules of the stage.',
    }),
  ),
});

const task = fields({
  taskId: optional(string({ description: "The approver's name for the task; unset until the approver has answered." })),
  traceId: optional(
    string({ description: 'Sent with the question; stored before the question is sent for the first time.' }),
  ),
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
  operations: optional(
    listOf(
      fields({
        id: string(),
        since: string({ description: "Value of the Pod's label with which the operation entered the stage." }),
      }),
      { description: 'Operations to which the verdict applies.' },
    ),
  ),
});

const ruleState = fields({
  name: optional(string()),
  webhookStatus: optional(
    fields({
      question: optional(
        string({ description: 'Hash of the question and its address: the tasks belong to this question.' }),
      ),
      taskStates: optional(listOf(task)),
      history: optional(listOf(task)),
    }),
  ),
});

const condition = Type.Unsafe<Condition>(
  fields({
    type: string(),
    status: string(),
    reason: optional(string()),
    message: optional(string()),
    lastTransitionTime: optional(time()),
    observedGeneration: optional(int64()),
  }),
);

const status = fields({
  observedGeneration: optional(int64()),
  observedPodResourceVersion: optional(
    string({ description: 'Highest resourceVersion of the Pods from which the verdicts were computed.' }),
  ),
  updateTime: optional(time()),
  targets: optional(listOf(string())),
  details: optional(listOf(detail)),
  selectedPods: optional(int32({ description: 'Number of Pods the selector selects.' })),
  waitingPods: optional(int32({ description: 'Number of selected Pods that a rule holds back.' })),
  slots: optional(
    string({
      description:
        'Of the budget that is nearest to its limit: Pods that are down, missing or allowed to go down, of those that may be.',
    }),
  ),
  conditions: optional(listOf(condition, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })),
  ruleStates: optional(listOf(ruleState)),
});

export type TransitionRule = Type.Static<typeof rule>;
export type AvailablePolicy = Type.Static<typeof availablePolicy>;
export type TransitionRuleWebhook = Type.Static<typeof webhook>;
export type WebhookTask = Type.Static<typeof task>;
/** The tasks of one rule's webhook, in progress and finished. */
export type RuleState = Type.Static<typeof ruleState>;
/** The verdict for one Pod that waits in a stage. */
export type RuleDetail = Type.Static<typeof detail>;
export type PodTransitionRuleSpec = Type.Static<typeof spec>;
export type PodTransitionRuleStatus = Type.Static<typeof status>;
export type PodTransitionRule = KubeObject & { spec: PodTransitionRuleSpec; status?: PodTransitionRuleStatus };

export const podTransitionRuleKind: KindDeclaration = {
  kind: 'PodTransitionRule',
  plural: 'podtransitionrules',
  shortNames: ['ptr'],
  description: 'Says which Pods of its namespace may pass a stage of their PodOpsLifecycle, and when.',
  spec,
  specRequired: true,
  status,
  columns: [
    counted('SELECTED', '.status.selectedPods'),
    counted('WAITING', '.status.waitingPods'),
    text('SLOTS', '.status.slots'),
    text('EFFECTIVE', '.status.conditions[?(@.type=="Effective")].status'),
    AGE,
    wide(text('REASON', '.status.conditions[?(@.type=="Effective")].reason')),
    wide(text('MESSAGE', '.status.conditions[?(@.type=="Effective")].message')),
  ],
  rules: [NAME_FITS_ANNOTATION],
};
