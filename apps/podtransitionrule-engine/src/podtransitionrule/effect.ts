// Whether a rule object has any effect. The API server and the Go implementation accept objects that decide nothing, so we report them.
import type { Condition, PodTransitionRule, PodTransitionRuleSpec, TransitionRule } from '@kuperator/api';
import { timeOf } from '@kuperator/holders';
import { uncallableHost } from '../webhook/address.ts';
import { complaintsAbout, RULE_KINDS, type RuleSettings } from './rules.ts';

/** Type of the condition that says whether every rule of the object decides something. */
const EFFECTIVE = 'Effective';

type Finding = {
  readonly reason: 'RuleNotEvaluated' | 'RuleWithoutEffect' | 'NoRules';
  readonly message: string;
};

/** The parts of the spec that have no effect, whatever Pods exist. */
export function findingsIn(spec: PodTransitionRuleSpec, settings: RuleSettings): readonly Finding[] {
  const known = FINDINGS.get(spec);
  if (known?.settings === settings) return known.findings;
  const findings = findAll(spec, settings);
  FINDINGS.set(spec, { settings, findings });
  return findings;
}

/** Findings by spec: cached objects never change, and every evaluation needs them. */
const FINDINGS = new WeakMap<PodTransitionRuleSpec, { settings: RuleSettings; findings: readonly Finding[] }>();

function findAll(spec: PodTransitionRuleSpec, settings: RuleSettings): readonly Finding[] {
  const rules = spec.rules ?? [];
  const enabled = rules.filter(({ disabled }) => !disabled);
  if (enabled.length === 0) {
    const message =
      rules.length === 0 ? 'there are no rules: every Pod passes' : 'all rules are disabled: every Pod passes';
    return [{ reason: 'NoRules', message }];
  }
  const notEvaluated = complaintsAbout(spec, settings);
  const withoutEffect = enabled.flatMap((rule) =>
    [...idleParts(rule, settings)].map((text) => `rule ${rule.name}: ${text}`),
  );
  return [
    ...notEvaluated.map((message) => ({ reason: 'RuleNotEvaluated', message }) as const),
    ...withoutEffect.map((message) => ({ reason: 'RuleWithoutEffect', message }) as const),
  ];
}

function* idleParts(rule: TransitionRule, { conditions, allowedNetworks }: RuleSettings): Iterable<string> {
  const [kind, ...others] = RULE_KINDS.filter((candidate) => rule[candidate] !== undefined);
  if (kind === undefined) yield `has none of ${RULE_KINDS.join(', ')}: every Pod passes it`;
  for (const other of others) yield `${other} is not evaluated, because a rule is of one kind and ${kind} is set too`;
  const wanted = rule.conditions ?? [];
  if (wanted.length > 0 && !wanted.some((name) => conditions.has(name))) {
    yield `conditions ${JSON.stringify(wanted)} are not known, so that it applies to no Pod`;
  }
  if (kind !== 'webhook') return;
  const { url, poll } = rule.webhook?.clientConfig ?? {};
  for (const [field, text] of [
    ['url', url],
    ['poll.url', poll?.url],
  ] as const) {
    const host = text === undefined ? undefined : uncallableHost(text, allowedNetworks);
    if (host !== undefined) {
      yield `webhook.clientConfig.${field} ${JSON.stringify(text)} is not called: ${host} is a loopback, link-local, multicast or metadata address, which WEBHOOK_ALLOWED_NETWORKS does not except`;
    }
  }
}

/** The condition `Effective`, which reports the findings. */
export function effectOf(
  rule: PodTransitionRule,
  {
    selectedPods,
    settings,
    nowMs,
  }: { readonly selectedPods: number; readonly settings: RuleSettings; readonly nowMs: number },
): Condition {
  const [first, ...others] = findingsIn(rule.spec, settings);
  const { matchLabels = {}, matchExpressions = [] } = rule.spec.selector;
  const selectsAll = Object.keys(matchLabels).length + matchExpressions.length === 0;
  const effect = first
    ? { status: 'False', reason: first.reason, message: [first, ...others].map(({ message }) => message).join('; ') }
    : selectedPods === 0
      ? { status: 'False', reason: 'SelectsNoPod', message: 'spec.selector selects no Pod of the namespace' }
      : {
          status: 'True',
          reason: 'RulesApply',
          message: selectsAll ? 'spec.selector is empty: it selects every Pod of the namespace' : '',
        };
  const before = rule.status?.conditions?.find(({ type }) => type === EFFECTIVE);
  const isSame = before?.status === effect.status && before.lastTransitionTime !== undefined;
  const now = timeOf(nowMs);
  return {
    type: EFFECTIVE,
    ...effect,
    message: effect.message.length > 1024 ? `${effect.message.slice(0, 1023)}…` : effect.message,
    lastTransitionTime: isSame ? before.lastTransitionTime : now,
    observedGeneration: rule.metadata.generation ?? 0,
  } as Condition;
}
