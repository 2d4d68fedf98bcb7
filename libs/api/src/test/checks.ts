import {
  COLLASET_SPEC_RULES,
  DEFAULT_REPLICAS,
  NAME_LEAVES_ROOM_FOR_IDS,
  NAME_MAKES_HOSTNAMES,
  NO_ACTIVE_DEADLINE,
  SCALE_STRATEGY_RULES,
  SELECTOR_IS_NOT_EMPTY,
} from '../collaset-rules.ts';
import type { KubeObject, LabelSelector } from '../core.ts';
import { own } from '../own.ts';
import { HAS_POLICY, NAME_FITS_ANNOTATION, SOME_AVAILABLE_LIMIT, WHOLE_FUNCTION } from '../podtransitionrule-rules.ts';
import { HAS_OWNER } from '../resourcecontext.ts';
import type { Rule } from '../schema.ts';
import { matchesSelector } from '../selector.ts';
import { VALUES_FIT_OPERATOR } from '../selector-schema.ts';

/** Answers what is wrong with `self`, naming the value; undefined if nothing is. `old` is undefined on create. */
type Check = (self: unknown, old: unknown) => string | undefined;

/** The twin in TypeScript of each CEL rule, by the text of the rule. The same manifests test both. */
const CHECKS = new Map<string, Check>();

/** @throws Error when the rule has no twin */
export function checkOf({ rule }: Rule): Check {
  const check = CHECKS.get(rule);
  if (!check) throw new Error(`this CEL rule has no check in TypeScript: ${rule}`);
  return check;
}

function twin<T>(
  rule: Rule | undefined,
  check: (self: T, old: T | undefined, message: string) => string | undefined,
): void {
  if (!rule) throw new Error('there is no such rule');
  CHECKS.set(rule.rule, (self, old) => check(self as T, old as T | undefined, rule.message));
}

type Templated = { selector: LabelSelector; template: { metadata?: { labels?: Record<string, string> } } };
type Named = {
  namingStrategy?: { podNamingSuffixPolicy?: string };
  scaleStrategy?: { context?: string; podToInclude?: string[]; podToExclude?: string[] };
};
type Whole = KubeObject & { spec: unknown };

const selectsAll = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector) =>
  Object.keys(matchLabels).length + matchExpressions.length === 0;
const foundIn = (labels: Record<string, string>, key: string) =>
  own(labels, key) === undefined ? ', but it is missing' : `, but it is "${own(labels, key)}"`;

twin<LabelSelector>(SELECTOR_IS_NOT_EMPTY, (self, old, message) =>
  !selectsAll(self) || (old && selectsAll(old)) ? undefined : message,
);
twin<number>(NO_ACTIVE_DEADLINE, (self, old, message) => (old === self ? undefined : message));

const [labelsFit, expressionsFit, sequenceMovesNone, contextIsImmutable, namingIsImmutable] = COLLASET_SPEC_RULES;

twin<Templated>(labelsFit, ({ selector: { matchLabels = {} }, template }, _, message) => {
  const labels = template.metadata?.labels ?? {};
  const [key] = Object.keys(matchLabels).filter((name) => own(labels, name) !== own(matchLabels, name));
  if (key === undefined) return undefined;
  return `${message}: label "${key}" must be "${own(matchLabels, key)}"${foundIn(labels, key)}`;
});
twin<Templated>(expressionsFit, ({ selector: { matchExpressions = [] }, template }, _, message) => {
  const labels = template.metadata?.labels ?? {};
  const failing = matchExpressions.find((requirement) => !matchesSelector({ matchExpressions: [requirement] }, labels));
  if (!failing) return undefined;
  const { key, operator, values } = failing;
  const among = values ? ` [${values.join(', ')}]` : '';
  return `${message}: label "${key}" must satisfy ${operator}${among}${foundIn(labels, key)}`;
});
twin<Named>(sequenceMovesNone, ({ namingStrategy, scaleStrategy }, _, message) => {
  if (namingStrategy?.podNamingSuffixPolicy !== 'PersistentSequence') return undefined;
  for (const list of ['podToInclude', 'podToExclude'] as const) {
    const [pod] = scaleStrategy?.[list] ?? [];
    if (pod !== undefined) return `${message}, but "${pod}" is in ${list}`;
  }
  return undefined;
});
twin<Named>(contextIsImmutable, (self, old) => {
  const [from, to] = [old?.scaleStrategy?.context ?? '', self.scaleStrategy?.context ?? ''];
  if (!old || from === to) return undefined;
  return `spec.scaleStrategy.context is not allowed to be changed from "${from}" to "${to}"`;
});
twin<Named>(namingIsImmutable, (self, old, message) => {
  const isSequence = (spec: Named) => spec.namingStrategy?.podNamingSuffixPolicy === 'PersistentSequence';
  return !old || isSequence(self) === isSequence(old) ? undefined : message;
});

const LISTS = [
  ['podToExclude', 'podToInclude'],
  ['podToDelete', 'podToInclude'],
  ['podToDelete', 'podToExclude'],
] as const;
for (const [index, [one, other]] of LISTS.entries()) {
  twin<{ [list in (typeof LISTS)[number][number]]?: string[] }>(SCALE_STRATEGY_RULES[index], (self) => {
    const shared = (self[one] ?? []).filter((pod) => self[other]?.includes(pod));
    if (shared.length === 0) return undefined;
    return `spec.scaleStrategy.${one}[${other}] should not have intersection [${shared[0]}]: a Pod may be in only one of these lists`;
  });
}

const longestPodName = ({ metadata, spec }: Whole): number => {
  const { namingStrategy, replicas = DEFAULT_REPLICAS } = spec as Named & { replicas?: number };
  if (namingStrategy?.podNamingSuffixPolicy !== 'PersistentSequence') return 0;
  return (metadata.name ?? '').length + 1 + String(replicas).length;
};
twin<Whole>(NAME_LEAVES_ROOM_FOR_IDS, (self, old) => {
  if (longestPodName(self) <= 63) return undefined;
  if (old && longestPodName(old) >= longestPodName(self)) return undefined;
  return `metadata.name "${self.metadata.name}" is too long for PersistentSequence: with "-" and an instance id it must not exceed 63 characters`;
});
twin<Whole>(NAME_MAKES_HOSTNAMES, (self, old, message) => {
  const { namingStrategy } = self.spec as Named;
  if (old || namingStrategy?.podNamingSuffixPolicy !== 'PersistentSequence') return undefined;
  if (!self.metadata.name?.includes('.')) return undefined;
  return message.replace('metadata.name', `metadata.name "${self.metadata.name}"`);
});

twin<Whole>(NAME_FITS_ANNOTATION, ({ metadata }, old) => {
  if (old || (metadata.name ?? '').length <= 63) return undefined;
  return `metadata.name "${metadata.name}" must not exceed 63 characters: it is part of an annotation key on Pods`;
});

type Policies = { name: string; availablePolicy?: unknown; labelCheck?: unknown; webhook?: unknown };
const hasPolicy = ({ availablePolicy, labelCheck, webhook }: Policies) =>
  [availablePolicy, labelCheck, webhook].some((policy) => policy !== undefined && policy !== null);
twin<Policies>(HAS_POLICY, (self, old, message) =>
  hasPolicy(self) || (old && !hasPolicy(old)) ? undefined : message.replace('rule', `rule "${self.name}"`),
);

type Adaptive = { expFunc?: { coeff?: string; pow?: string } };
twin<{
  maxUnavailableValue?: number | string;
  minAvailableValue?: number | string;
  maxUnavailablePolicy?: Adaptive;
  minAvailablePolicy?: Adaptive;
}>(SOME_AVAILABLE_LIMIT, (self, _, message) => {
  const hasLimit =
    self.maxUnavailableValue !== undefined ||
    self.minAvailableValue !== undefined ||
    Boolean(self.maxUnavailablePolicy?.expFunc?.coeff) ||
    Boolean(self.minAvailablePolicy?.expFunc?.coeff);
  return hasLimit ? undefined : message;
});
twin<{ coeff?: string; pow?: string }>(WHOLE_FUNCTION, (self, _, message) =>
  Boolean(self.coeff) === Boolean(self.pow) ? undefined : message,
);

twin<{ data?: Record<string, string> }>(HAS_OWNER, ({ data }, _, message) => (data?.Owner ? undefined : message));

twin<{ operator: string; values?: string[] }>(VALUES_FIT_OPERATOR, ({ operator, values = [] }) => {
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues === values.length > 0) return undefined;
  return `values do not fit operator ${operator}: In and NotIn need at least one value, Exists and DoesNotExist allow none`;
});
