// Objects and a one-pass engine for the tests of this folder.

import {
  type Pod,
  type PodTransitionRule,
  type RuleDetail,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
  type TransitionRule,
} from '@kuperator/api';
import { judge } from '../podtransitionrule/judge.ts';
import type { Owners } from '../podtransitionrule/population.ts';
import type { RuleSettings } from '../podtransitionrule/rules.ts';
import type { WebhookContext } from '../podtransitionrule/webhooks.ts';

export const NAMESPACE = 'shop';
export const EVERYTHING_EVALUATED: RuleSettings = { skippedKinds: new Set(), conditions: new Map() };
/** No webhook has answered yet. */
export const UNANSWERED: WebhookContext = {
  outcomesFor: () => ({ asked: () => undefined, polled: () => undefined }),
  nowMs: Date.parse('2026-01-01T00:00:00Z'),
  newTraceId: () => 'trace',
};
export const UNKNOWN_OWNERS: Owners = { wanted: () => undefined, owned: () => [] };

export type PodSample = {
  name: string;
  uid?: string;
  version?: number;
  /** Operations that wait in PreCheck or PostCheck, by id. The value is the start of the wait. */
  preCheck?: Record<string, string>;
  postCheck?: Record<string, string>;
  available?: boolean;
  ready?: boolean;
  /** Conditions in addition to Ready. */
  conditions?: Record<string, 'True' | 'False'>;
  readinessGates?: readonly string[];
  phase?: 'Running' | 'Succeeded' | 'Failed';
  terminating?: boolean;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  owner?: string;
};

export function aPod(sample: PodSample): Pod {
  const { name, uid = `uid-${name}`, version = 1, preCheck = {}, postCheck = {}, available = true } = sample;
  const stages = [
    ...Object.entries(preCheck).map(([id, since]) => [stageLabel('pre-check', id), since]),
    ...Object.entries(postCheck).map(([id, since]) => [stageLabel('post-check', id), since]),
    ...(available ? [[SERVICE_AVAILABLE_LABEL, '1']] : []),
  ];
  return {
    metadata: {
      name,
      namespace: NAMESPACE,
      uid,
      resourceVersion: String(version),
      labels: { app: 'web', ...Object.fromEntries(stages), ...sample.labels },
      ...(sample.annotations ? { annotations: sample.annotations } : {}),
      ...(sample.terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      ...(sample.owner
        ? {
            ownerReferences: [
              {
                apiVersion: 'apps.kusionstack.io/v1alpha1',
                kind: 'CollaSet',
                name: sample.owner,
                uid: `uid-${sample.owner}`,
                controller: true,
              },
            ],
          }
        : {}),
    },
    spec: {
      containers: [],
      ...(sample.readinessGates
        ? { readinessGates: sample.readinessGates.map((conditionType) => ({ conditionType })) }
        : {}),
    },
    status: {
      phase: sample.phase ?? 'Running',
      conditions: [
        { type: 'Ready', status: (sample.ready ?? true) ? 'True' : 'False' },
        ...Object.entries(sample.conditions ?? {}).map(([type, status]) => ({ type, status })),
      ],
    },
  };
}

/** Pods p1…pn. All are available and, by default, wait in PreCheck for operation `op`; p1 has waited longest. */
export function waitingPods(count: number, sample: Partial<PodSample> = {}): Pod[] {
  return Array.from({ length: count }, (_, index) =>
    aPod({ name: `p${index + 1}`, preCheck: { op: String(1000 + index) }, ...sample }),
  );
}

export function aRule(
  rules: TransitionRule[],
  more: Partial<PodTransitionRule> & { name?: string } = {},
): PodTransitionRule {
  const { name = 'rule', spec, ...rest } = more;
  return {
    metadata: { name, namespace: NAMESPACE, uid: `uid-${name}`, generation: 1, resourceVersion: '1' },
    spec: spec ?? { selector: { matchLabels: { app: 'web' } }, rules },
    ...rest,
  };
}

export function maxUnavailable(value: number | string, more: Partial<TransitionRule> = {}): TransitionRule {
  return { name: 'max', availablePolicy: { maxUnavailableValue: value }, ...more };
}

export function minAvailable(value: number | string, more: Partial<TransitionRule> = {}): TransitionRule {
  return { name: 'min', availablePolicy: { minAvailableValue: value }, ...more };
}

export function requiresLabel(key: string, more: Partial<TransitionRule> = {}): TransitionRule {
  return { name: 'labels', labelCheck: { requires: { matchLabels: { [key]: 'true' } } }, ...more };
}

/** The rule after one pass over `pods`. */
export function afterPass(
  rule: PodTransitionRule,
  pods: readonly Pod[],
  more: {
    rules?: readonly PodTransitionRule[];
    owners?: Owners;
    settings?: RuleSettings;
    cacheVersion?: bigint;
    webhooks?: WebhookContext;
  } = {},
): PodTransitionRule {
  const { rules = [rule], owners = UNKNOWN_OWNERS, settings = EVERYTHING_EVALUATED, cacheVersion = 10n ** 12n } = more;
  const { webhooks = UNANSWERED } = more;
  const judgement = judge({ rule, pods, cacheVersion, rules, owners, settings, webhooks });
  return judgement ? { ...rule, status: judgement.status } : rule;
}

export function passedIn(rule: PodTransitionRule): string[] {
  return (rule.status?.details ?? []).filter(({ passed }) => passed).map(({ name = '' }) => name);
}

export function rejectedIn(rule: PodTransitionRule): string[] {
  return (rule.status?.details ?? []).filter(({ passed }) => !passed).map(({ name = '' }) => name);
}

export function detailOf(rule: PodTransitionRule, name: string): RuleDetail | undefined {
  return rule.status?.details?.find((detail) => detail.name === name);
}

export function reasonIn(rule: PodTransitionRule, name: string): string {
  return (detailOf(rule, name)?.rejectInfo ?? []).map(({ reason = '' }) => reason).join('; ');
}
