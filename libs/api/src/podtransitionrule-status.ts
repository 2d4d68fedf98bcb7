import { Type } from 'typebox';
import { CONDITION_FIELDS } from './condition-schema.ts';
import type { Condition } from './core.ts';
import { boolean, fields, int32, int64, listOf, optional, string, time } from './schema.ts';

const text = (description: string) => optional(string({ description }));

const task = fields({
  taskId: text('Id that the service has given the task; unset until the service has answered.'),
  traceId: text(
    'Id that is sent with the question. It is stored before the question is sent for the first time, and stays the same if the question is repeated after a failure.',
  ),
  processing: optional(listOf(string(), { description: 'Names of the Pods that wait for an approval.' })),
  approved: optional(listOf(string(), { description: 'Names of the Pods that have been approved.' })),
  beginTime: optional(
    time({ description: 'Time from which the question may be sent. For a task, time at which the service began it.' }),
  ),
  lastTime: optional(time({ description: 'Time of the last poll or, for a task that has ended, of its end.' })),
  message: text('Last message of the service, or why the task ended or the question is repeated.'),
});

const operation = fields({
  id: string({ description: "Id of the operation, as in the keys of the Pod's labels." }),
  since: string({ description: "Value of the Pod's label with which the operation entered the stage." }),
});

const rejection = fields({
  ruleName: text('Name of the rule that holds the Pod back.'),
  reason: text('Why the rule holds the Pod back, as a text for people.'),
});

const detail = fields({
  name: text('Name of the Pod.'),
  uid: text('Uid of the Pod. A later Pod of the same name needs a verdict of its own.'),
  stage: text('Stage in which the Pod waits: PreCheck or PostCheck.'),
  passed: boolean({ description: 'True if the Pod may pass the stage.' }),
  passedRules: optional(
    listOf(string(), {
      description:
        'Names of the rules that the Pod has passed in this stage. A Pod that has passed an availablePolicy holds a slot of it.',
    }),
  ),
  rejectInfo: optional(listOf(rejection, { description: 'Which rule holds the Pod back, and why.' })),
  operations: optional(listOf(operation, { description: 'Operations to which the verdict applies.' })),
});

const webhookStatus = fields(
  {
    question: text(
      'Hash of the stage, the URL and the parameters of the question. If it changes, earlier answers no longer count.',
    ),
    taskStates: optional(listOf(task, { description: 'Questions that are being asked, and tasks that are polled.' })),
    history: optional(
      listOf(task, { description: 'Tasks that have ended: at most ten, and for at most ten minutes each.' }),
    ),
  },
  { description: 'Questions to the webhook of the rule.' },
);

const ruleState = fields({ name: text('Name of the rule.'), webhookStatus: optional(webhookStatus) });

const condition = Type.Unsafe<Condition>(fields(CONDITION_FIELDS));

export const podTransitionRuleStatus = fields(
  {
    observedGeneration: optional(
      int64({ description: 'Generation of the spec (metadata.generation) by which the Pods were judged.' }),
    ),
    observedPodResourceVersion: text('Highest resourceVersion of the Pods from which the verdicts were computed.'),
    updateTime: optional(time({ description: 'Time at which the status was written last.' })),
    targets: optional(listOf(string(), { description: 'Names of the Pods that the selector selects.' })),
    details: optional(
      listOf(detail, {
        description:
          'Verdict for each selected Pod that waits in a stage. If they do not all fit, those that have waited for the shortest time are left out and have to wait.',
      }),
    ),
    selectedPods: optional(int32({ description: 'Number of Pods that the selector selects.' })),
    waitingPods: optional(int32({ description: 'Number of selected Pods that a rule holds back.' })),
    slots: text(
      'Use of the budget that is nearest to its limit, as used/limit: the number of Pods that are down, missing or allowed to go down, and the number that may be. Unset without a budget.',
    ),
    conditions: optional(
      listOf(condition, {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        description:
          'State of the object. The condition Effective is True if every rule has an effect; if not, it says why.',
      }),
    ),
    ruleStates: optional(listOf(ruleState, { description: 'State of each rule that asks a webhook.' })),
  },
  { description: 'What the engine has decided. Only the engine writes it.' },
);

/** A question to a webhook that it answers later. */
export type WebhookTask = Type.Static<typeof task>;
/** The tasks of one rule's webhook, in progress and finished. */
export type RuleState = Type.Static<typeof ruleState>;
/** The verdict for one Pod that waits in a stage. */
export type RuleDetail = Type.Static<typeof detail>;
/** The verdict for each Pod that waits, and the state of webhooks. */
export type PodTransitionRuleStatus = Type.Static<typeof podTransitionRuleStatus>;
