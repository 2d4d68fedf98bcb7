import type { PodTransitionRule, RuleState, TransitionRule } from '@kuperator/api';
import type { Refusal } from '@kuperator/holders';
import type { Outcomes } from '../webhook/outcome.ts';
import { planWebhook, type WebhookCall } from '../webhook/plan.ts';
import { type Candidate, passing, refusing, storedStateOf } from './candidate.ts';
import type { StageRule } from './rules.ts';
import { nameOf } from './selection.ts';

/** If this is "true" on a rule object, the failurePolicy of its webhooks takes effect: docs/decisions/0012-webhook-rules.md. */
export const HONOR_FAILURE_POLICY_ANNOTATION = 'podtransitionrule.kusionstack.io/honor-failure-policy';

/** The input of webhook rules, in addition to the Pods. */
export type WebhookContext = {
  readonly outcomesFor: (rule: TransitionRule) => Outcomes;
  readonly nowMs: number;
  readonly newTraceId: () => string;
};

export type WebhookWork = {
  readonly states: readonly RuleState[];
  /** Calls to start once the states are stored. */
  readonly calls: readonly { readonly rule: TransitionRule; readonly call: WebhookCall }[];
  readonly dueAtMs: number | undefined;
  /** Failures that counted as approvals, to be reported to the user. */
  readonly ignored: readonly string[];
};

type Consultation = {
  readonly rule: PodTransitionRule;
  /** The rules of the object that guard the stage. */
  readonly rules: readonly StageRule[];
  readonly context: WebhookContext;
};
type Consulted = { readonly candidates: readonly Candidate[]; readonly work: WebhookWork };

const NO_WORK: WebhookWork = { states: [], calls: [], dueAtMs: undefined, ignored: [] };

/** Takes the candidates through the webhook rules of a stage, in the order of the spec. An approver is asked only after all earlier ones agree. */
export function consultWebhooks(candidates: readonly Candidate[], consultation: Consultation): Consulted {
  return consultation.rules
    .filter(({ kind, problem }) => kind === 'webhook' && problem === undefined)
    .reduce<Consulted>((before, each) => consultOne(before, each, consultation), { candidates, work: NO_WORK });
}

function consultOne(before: Consulted, { name, rule: each }: StageRule, { rule, context }: Consultation): Consulted {
  const { webhook } = each;
  if (!webhook) return before;
  const applies = ({ applying }: Candidate) => applying.some((applied) => applied.name === name);
  const concerned = before.candidates.filter(applies);
  const asking = concerned.filter(({ refusal, passed }) => refusal === undefined && !passed.has(name));
  const subjects = asking.map(({ pod, continues }) => ({ name: nameOf(pod), continues }));
  const plan = planWebhook(
    each,
    { stored: storedStateOf(rule, name), subjects },
    {
      webhook,
      outcomes: context.outcomesFor(each),
      nowMs: context.nowMs,
      newTraceId: context.newTraceId,
      ignoreFailures: isIgnoring(rule, each),
    },
  );
  const asked = new Set(asking);
  const answered = (candidate: Candidate): Candidate => {
    if (!asked.has(candidate)) return candidate;
    const podName = nameOf(candidate.pod);
    if (plan.approved.has(podName)) return passing(candidate, [name]);
    const reason = { kind: 'webhook', message: plan.reasons.get(podName) ?? '' } as const;
    return refusing(candidate, { ruleName: name, reason });
  };
  const isShown = concerned.length > 0 || plan.status.taskStates || plan.status.history;
  const { states, calls, ignored, dueAtMs } = before.work;
  const due = [dueAtMs, plan.dueAtMs].filter((ms) => ms !== undefined);
  return {
    candidates: before.candidates.map(answered),
    work: {
      states: isShown ? [...states, { name, webhookStatus: plan.status }] : states,
      calls: [...calls, ...plan.calls.map((call) => ({ rule: each, call }))],
      ignored: [...ignored, ...plan.ignored.map((failure) => ignoredText(name, failure))],
      dueAtMs: due.length > 0 ? Math.min(...due) : undefined,
    },
  };
}

function ignoredText(ruleName: string, failure: string): string {
  return `rule ${ruleName}: its webhook failed, which is ignored: ${failure}`;
}

/** `Ignore` is the default, so every stored object has it, and it never had an effect in Go. Hence the additional annotation. */
function isIgnoring({ metadata }: PodTransitionRule, { webhook }: TransitionRule): boolean {
  return webhook?.failurePolicy !== 'Fail' && metadata.annotations?.[HONOR_FAILURE_POLICY_ANNOTATION] === 'true';
}

/** Why a webhook of another rule object holds the Pod. Only the evaluation of that object asks the approver; here its stored verdict is used. */
export function unapprovedBy({ applying, passed }: Candidate): Refusal | undefined {
  const webhook = applying.find(({ kind, name }) => kind === 'webhook' && !passed.has(name));
  return webhook && { ruleName: webhook.name, reason: { kind: 'not-approved' } };
}
