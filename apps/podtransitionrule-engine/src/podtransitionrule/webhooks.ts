import type { PodTransitionRule, RuleState, TransitionRule } from '@kuperator/api';
import type { Outcomes } from '../webhook/outcome.ts';
import { planWebhook, type WebhookCall } from '../webhook/plan.ts';
import { type Candidate, storedStateOf } from './candidate.ts';
import type { Rejection, StageRule } from './rules.ts';
import { nameOf } from './selection.ts';

/** On a rule object, "true" makes its webhooks' failurePolicy count: docs/decisions/0012-webhook-rules.md. */
export const HONOR_FAILURE_POLICY_ANNOTATION = 'podtransitionrule.kusionstack.io/honor-failure-policy';

/** What webhook rules are evaluated with, besides the Pods. */
export type WebhookContext = {
  readonly outcomesFor: (rule: TransitionRule) => Outcomes;
  readonly nowMs: number;
  readonly newTraceId: () => string;
};

export type WebhookWork = {
  readonly states: readonly RuleState[];
  /** To be made once the states are stored. */
  readonly calls: readonly { readonly rule: TransitionRule; readonly call: WebhookCall }[];
  readonly dueAtMs: number | undefined;
  /** Failures that were taken for approvals, to be told to the user. */
  readonly ignored: readonly string[];
};

/** Takes the candidates through the webhook rules of a stage, one rule after the other. */
export function consultWebhooks(
  rule: PodTransitionRule,
  rules: readonly StageRule[],
  candidates: readonly Candidate[],
  context: WebhookContext,
): WebhookWork {
  const states: RuleState[] = [];
  const calls: { rule: TransitionRule; call: WebhookCall }[] = [];
  const ignored: string[] = [];
  let dueAtMs: number | undefined;
  for (const { name, rule: each } of rules.filter(({ kind, problem }) => kind === 'webhook' && problem === undefined)) {
    const { webhook } = each;
    if (!webhook) continue;
    const concerned = candidates.filter(({ applying }) => applying.some((applied) => applied.name === name));
    const asking = concerned.filter(({ rejection, passed }) => rejection === undefined && !passed.has(name));
    const subjects = asking.map(({ pod, continues }) => ({ name: nameOf(pod), continues }));
    const plan = planWebhook(each, storedStateOf(rule, name), subjects, {
      webhook,
      outcomes: context.outcomesFor(each),
      nowMs: context.nowMs,
      newTraceId: context.newTraceId,
      ignoreFailures: isIgnoring(rule, each),
    });
    for (const candidate of asking) {
      const podName = nameOf(candidate.pod);
      if (plan.approved.has(podName)) candidate.passed.add(name);
      else
        candidate.rejection = { ruleName: name, reason: `rule ${name}: webhook: ${plan.reasons.get(podName) ?? ''}` };
    }
    if (concerned.length > 0 || plan.status.taskStates || plan.status.history)
      states.push({ name, webhookStatus: plan.status });
    calls.push(...plan.calls.map((call) => ({ rule: each, call })));
    ignored.push(...plan.ignored.map((failure) => `rule ${name}: its webhook failed, which is ignored: ${failure}`));
    if (plan.dueAtMs !== undefined) dueAtMs = Math.min(dueAtMs ?? plan.dueAtMs, plan.dueAtMs);
  }
  return { states, calls, dueAtMs, ignored };
}

/** The policy is `Ignore` in every stored object, by default, and never did anything: hence the further opt-in. */
function isIgnoring({ metadata }: PodTransitionRule, { webhook }: TransitionRule): boolean {
  return webhook?.failurePolicy !== 'Fail' && metadata.annotations?.[HONOR_FAILURE_POLICY_ANNOTATION] === 'true';
}

/** Why a webhook of another rule object holds the Pod: its own engine asks, here its stored word counts. */
export function unapprovedBy({ applying, passed }: Candidate): Rejection | undefined {
  const webhook = applying.find(({ kind, name }) => kind === 'webhook' && !passed.has(name));
  return webhook && { ruleName: webhook.name, reason: `rule ${webhook.name}: its webhook has not approved` };
}
