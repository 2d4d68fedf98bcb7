// Builds the questions to webhooks, and the URLs to which they are sent, from the rule and the Pods. Pure.

import { hash } from 'node:crypto';
import type { Pod, TransitionRule, TransitionRuleWebhook } from '@kuperator/api';
import { messageOf } from '@kuperator/runtime';
import { certificatesIn } from './ca-bundle.ts';
import { fieldReader } from './field-path.ts';

type Question = {
  traceId: string;
  ruleName: string;
  stage?: string;
  resources: readonly QuestionResource[];
};

export type QuestionResource = {
  readonly apiVersion: 'core/v1';
  readonly kind: 'Pod';
  readonly name: string;
  readonly parameters?: Readonly<Record<string, string>>;
};

/** The body of the first request about Pods. */
export function questionAbout(resources: readonly QuestionResource[], rule: TransitionRule, traceId: string): Question {
  return { traceId, ruleName: rule.name, ...(rule.stage ? { stage: rule.stage } : {}), resources };
}

/**
 * The part of a question about one Pod. Call it only for a webhook without a problem. A rule of a few bytes can name each large field of its
 * Pods many times, so the size of the values is counted while they are read.
 * @returns undefined if the values have more than `maxBytes`
 */
export function resourceFor(
  pod: Pod,
  { webhook }: TransitionRule,
  maxBytes: number,
): { readonly resource: QuestionResource; readonly bytes: number } | undefined {
  // This has the form of the Go implementation, because approvers may compare it.
  const resource: QuestionResource = { apiVersion: 'core/v1', kind: 'Pod', name: pod.metadata.name ?? '' };
  let bytes = bytesOf(resource);
  const values = new Map<string, string>();
  for (const parameter of webhook?.parameters ?? []) {
    const text = parameterText(parameter, pod);
    bytes += bytesOf(parameter.key ?? '') + bytesOf(text) + 2;
    if (bytes > maxBytes) return undefined;
    values.set(parameter.key ?? '', text);
  }
  if (values.size === 0) return { resource, bytes };
  return { resource: { ...resource, parameters: Object.fromEntries(values) }, bytes };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** True if parameters refer to fields of the Pod, so that the whole object is needed. */
export function asksForFields({ parameters = [] }: TransitionRuleWebhook): boolean {
  return parameters.some(({ value }) => !value);
}

/** The URL at which a task is polled. It keeps the query of the configured URL. */
export function pollUrl(poll: NonNullable<TransitionRuleWebhook['clientConfig']['poll']>, taskId: string): string {
  const url = new URL(poll.url);
  url.searchParams.set(poll.rawQueryKey || 'task-id', taskId);
  return url.href;
}

/**
 * Identifies a question by its approver and its parameters: an answer of one approver, or for other parameters, does not count.
 * The polling settings are not part of it, so that a user can correct them while a task runs.
 */
export function questionHash({ stage, webhook }: TransitionRule): string {
  const asked = [stage || '', webhook?.clientConfig.url, webhook?.parameters ?? []];
  return hash('sha256', JSON.stringify(asked), 'hex').slice(0, 16);
}

/** Why a webhook cannot be called at all, which the user must correct; undefined if it can. */
export function webhookProblem(webhook: TransitionRuleWebhook): string | undefined {
  if (!PROBLEMS.has(webhook)) PROBLEMS.set(webhook, findProblem(webhook));
  return PROBLEMS.get(webhook);
}

/** Results by object: cached objects never change, and parsing certificates is slow. */
const PROBLEMS = new WeakMap<TransitionRuleWebhook, string | undefined>();

function findProblem({ clientConfig, parameters = [] }: TransitionRuleWebhook): string | undefined {
  const { poll } = clientConfig;
  return (
    urlProblem('clientConfig.url', clientConfig.url) ??
    caProblem('clientConfig.caBundle', clientConfig.caBundle) ??
    (poll
      ? (urlProblem('clientConfig.poll.url', poll.url) ?? caProblem('clientConfig.poll.caBundle', poll.caBundle))
      : undefined) ??
    parameters.map(parameterProblem).find((problem) => problem !== undefined)
  );
}

function urlProblem(field: string, url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed && (parsed.protocol === 'http:' || parsed.protocol === 'https:')) return undefined;
  return `webhook.${field} ${JSON.stringify(url)} is not an http or https URL`;
}

function caProblem(field: string, caBundle: string | undefined): string | undefined {
  try {
    certificatesIn(caBundle);
    return undefined;
  } catch (error) {
    return `webhook.${field} ${messageOf(error)}`;
  }
}

type Parameter = NonNullable<TransitionRuleWebhook['parameters']>[number];

function parameterProblem({ key = '', value, valueFrom }: Parameter): string | undefined {
  if (value) return undefined;
  if (!valueFrom?.fieldRef) return `webhook parameter ${JSON.stringify(key)} has neither a value nor a fieldRef`;
  const reader = fieldReader(valueFrom.fieldRef.fieldPath);
  return typeof reader === 'string' ? `webhook parameter ${JSON.stringify(key)}: ${reader}` : undefined;
}

function parameterText({ value, valueFrom }: Parameter, pod: Pod): string {
  if (value) return value;
  const reader = fieldReader(valueFrom?.fieldRef?.fieldPath ?? '');
  return typeof reader === 'string' ? '' : reader(pod);
}
