import type { Type } from 'typebox';
import type { KubeObject } from './core.ts';
import { AGE, counted, type KindDeclaration, text, wide } from './kind.ts';
import { HAS_POLICY, NAME_FITS_ANNOTATION, SOME_AVAILABLE_LIMIT, WHOLE_FUNCTION } from './podtransitionrule-rules.ts';
import { type PodTransitionRuleStatus, podTransitionRuleStatus } from './podtransitionrule-status.ts';
import { boolean, fields, int64, intOrString, listByKey, listOf, oneOf, optional, string } from './schema.ts';
import { labelSelector } from './selector-schema.ts';

/** Stages a rule can guard, in the order they are evaluated. */
export const RULE_STAGES = ['PreCheck', 'PostCheck'] as const;
/** One of {@link RULE_STAGES}. */
export type RuleStage = (typeof RULE_STAGES)[number];

// The number of digits that Go can parse.
const budget = (description: string) => optional(intOrString({ pattern: '^[-+]?[0-9]{1,18}%$', description }));
// Go clients send empty strings for what is unset.
const decimal = (description: string) =>
  optional(string({ maxLength: 32, pattern: '^([-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+))?$', description }));
const adaptive = (description: string) =>
  optional(
    fields(
      {
        expFunc: optional(
          fields(
            {
              coeff: decimal('Coefficient of the function, as a decimal such as "0.5".'),
              pow: decimal('Exponent of the function, as a decimal such as "0.5".'),
            },
            {
              rules: [WHOLE_FUNCTION],
              description:
                'Function coeff * Pods ^ pow; both numbers are required. The result is at least 0 and at most the number of Pods.',
            },
          ),
        ),
      },
      { description },
    ),
  );

const availablePolicy = fields(
  {
    maxUnavailableValue: budget(
      'How many selected Pods may be unavailable: a number, or a percentage such as "25%", rounded up. Percentages refer to the selected Pods and those that their owners desire but that do not exist; the latter count as unavailable.',
    ),
    minAvailableValue: budget(
      'How many selected Pods must stay available: a number, or a percentage such as "75%", rounded down. Percentages refer to the selected Pods and those that their owners desire but that do not exist.',
    ),
    maxUnavailablePolicy: adaptive(
      'How many selected Pods may be unavailable, as a function of their number, rounded up. If maxUnavailableValue is set too, the stricter limit holds.',
    ),
    minAvailablePolicy: adaptive(
      'How many selected Pods must stay available, as a function of their number, rounded down. If minAvailableValue is set too, the stricter limit holds.',
    ),
  },
  {
    rules: [SOME_AVAILABLE_LIMIT],
    description:
      'Lets Pods pass as long as enough of the selected Pods are available. If several limits are set, all of them hold; at least one is required.',
  },
);

const url = (description: string) => string({ maxLength: 2048, pattern: '^https?://[^/]', description });
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

const poll = fields(
  {
    url: url(
      'URL that is polled by GET, with http or https. The id of the task is added as a query parameter. The same addresses as in clientConfig.url are not called.',
    ),
    rawQueryKey: optional(
      string({ maxLength: 253, description: 'Query parameter that names the task; task-id if empty.' }),
    ),
    caBundle: caBundle(),
    intervalSeconds: optional(
      int64({
        minimum: 0,
        maximum: MAX_SECONDS,
        default: 5,
        description: 'Seconds between two polls of a task; 5 if unset. 0 has the effect of 1.',
      }),
    ),
    timeoutSeconds: optional(
      int64({
        minimum: 0,
        maximum: MAX_SECONDS,
        default: 60,
        description:
          'Seconds that the whole task may take, not one request; 60 if unset. After that, the service is asked again about Pods that have not been approved.',
      }),
    ),
  },
  {
    description:
      'How the engine asks for the progress of a task. It is required if the service answers that it needs time; without it, such an answer is a failure.',
  },
);

const fieldRef = fields(
  {
    apiVersion: optional(string({ maxLength: 253, description: 'Has no effect: the field is read as in version v1.' })),
    fieldPath: string({
      maxLength: 1024,
      description:
        "Path of the field, for example spec.nodeName or metadata.labels['app']. Items of lists cannot be read. A field that the Pod does not have is an empty text.",
    }),
  },
  { 'x-kubernetes-map-type': 'atomic', description: 'Field of the Pod whose value is sent.' },
);

const parameter = fields({
  key: optional(string({ maxLength: 1024, description: 'Name of the parameter in the question.' })),
  value: optional(
    string({ maxLength: 262_144, description: 'Value of the parameter. If it is empty, valueFrom is required.' }),
  ),
  valueFrom: optional(
    fields(
      {
        type: optional(string({ maxLength: 253, description: 'Has no effect: the value always comes from fieldRef.' })),
        fieldRef: optional(fieldRef),
      },
      { description: 'Where the value comes from if value is empty.' },
    ),
  ),
});

const webhook = fields(
  {
    clientConfig: fields(
      {
        url: url(
          'URL to which questions are sent by POST, with http or https. Loopback, link-local, multicast and metadata addresses are not called unless the engine allows them.',
        ),
        caBundle: caBundle(),
        poll: optional(poll),
      },
      { description: 'How the service is called.' },
    ),
    failurePolicy: optional(
      oneOf(['', 'Ignore', 'Fail'], {
        default: 'Ignore',
        description:
          'What happens if a call fails or the answer cannot be used. Fail holds the Pods back. Ignore lets them pass, but only if the PodTransitionRule has the annotation podtransitionrule.kusionstack.io/honor-failure-policy: "true"; otherwise it has the effect of Fail.',
      }),
    ),
    parameters: optional(
      listOf(parameter, {
        maxItems: 1024,
        'x-kubernetes-list-type': 'atomic',
        description:
          'What the question says about each Pod. A question may have 4 MiB: Pods beyond that are asked about after it, and one that alone has more is refused.',
      }),
    ),
  },
  {
    description:
      'Asks a service whether Pods may pass. It is evaluated only if neither availablePolicy nor labelCheck is set.',
  },
);

const ruleFields = {
  name: string({
    minLength: 1,
    maxLength: 1024,
    description:
      'Name of the rule, unique in this object. Pods whose annotation podtransitionrule.kusionstack.io/skip-rule-conditions lists it ({"skipRules":["name"]}) pass the rule unchecked.',
  }),
  disabled: optional(boolean({ description: 'If true, the rule is not evaluated; false if unset.' })),
  stage: optional(
    oneOf(RULE_STAGES, {
      description:
        'Stage in which the rule is evaluated: PreCheck before the operation on a Pod, PostCheck after it. PreCheck if unset.',
    }),
  ),
  conditions: optional(
    listOf(string({ maxLength: 317 }), {
      maxItems: 256,
      'x-kubernetes-list-type': 'atomic',
      description:
        'Names of facts about a Pod, at least one of which must be true for the rule to apply. The rule applies to every Pod if the list is empty. The engine itself defines no facts, so without an extension a rule with conditions applies to no Pod.',
    }),
  ),
  filter: optional(
    fields(
      {
        labelSelector: optional(
          labelSelector({ description: 'Selects the Pods to which the rule applies; all selected Pods if unset.' }),
        ),
      },
      {
        description:
          'Restricts the rule to some of the selected Pods; the others pass it. In budgets, all selected Pods count nevertheless.',
      },
    ),
  ),
  availablePolicy: optional(availablePolicy),
  labelCheck: optional(
    fields(
      {
        requires: labelSelector({ description: 'Selector that the labels of a Pod must match for it to pass.' }),
      },
      { description: 'Lets Pods pass by their labels. It is evaluated only if availablePolicy is not set.' },
    ),
  ),
  webhook: optional(webhook),
};
const rule = fields(ruleFields, { rules: [HAS_POLICY] });

const spec = fields(
  {
    selector: labelSelector({
      description: 'Selects the Pods of this namespace to which the rules apply; {} selects all.',
    }),
    rules: optional(
      // The size bounds the cost of the CEL rules of the selectors within.
      listByKey('name', rule, {
        maxItems: 256,
        description:
          'Rules for Pods that wait in a stage of an operation. A Pod passes a stage if it passes all rules of the stage. Each rule needs one of availablePolicy, labelCheck and webhook.',
      }),
    ),
  },
  { description: 'What the user wants: which Pods may pass a stage of their operations, and when.' },
);

/** One rule: a budget, a check of labels, or a webhook. */
export type TransitionRule = Type.Static<typeof rule>;
/** A budget: how many of the selected Pods may be unavailable, or must be available. */
export type AvailablePolicy = Type.Static<typeof availablePolicy>;
/** A service that is asked whether Pods may pass. */
export type TransitionRuleWebhook = Type.Static<typeof webhook>;
/** Which Pods the rules apply to, and the rules. */
export type PodTransitionRuleSpec = Type.Static<typeof spec>;
/** Says which Pods of its namespace may pass a stage of their lifecycle, and when. */
export type PodTransitionRule = KubeObject & { spec: PodTransitionRuleSpec; status?: PodTransitionRuleStatus };

export const podTransitionRuleKind: KindDeclaration = {
  kind: 'PodTransitionRule',
  plural: 'podtransitionrules',
  shortNames: ['ptr'],
  description: 'Says which Pods of its namespace may pass a stage of their PodOpsLifecycle, and when.',
  spec,
  specRequired: true,
  status: podTransitionRuleStatus,
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
