// What no single field of a CollaSet can say of itself.

import type { KubeObject, LabelSelector } from './core.ts';
import { own } from './own.ts';
import type { Rule } from './schema.ts';
import { matchesSelector } from './selector.ts';

/** What the API server fills in. Also for objects that come without, from a cluster whose definition has no default. */
export const DEFAULT_REPLICAS = 1;

/**
 * The most Pods of a set. Their ids are the entries of one ResourceContext, of which etcd stores 1.5 MiB: about 100 bytes an entry.
 * A set stored with more is not refused its other changes, and gets no Pods beyond this number.
 */
export const MAX_REPLICAS = 15_000;

/** The most unused revisions that are kept, whatever `historyLimit` says: each is a whole template in the cache of the controller. */
export const MAX_HISTORY = 200;

const isEmpty = (selector: string) =>
  `!(has(${selector}.matchLabels) && size(${selector}.matchLabels) > 0) &&
   !(has(${selector}.matchExpressions) && size(${selector}.matchExpressions) > 0)`;
const selectsAll = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector) =>
  Object.keys(matchLabels).length + matchExpressions.length === 0;

/** A set stored before this rule keeps its empty selector: it must stay updatable, and deletable. */
export const SELECTOR_IS_NOT_EMPTY: Rule<LabelSelector> = {
  rule: `!(${isEmpty('self')}) || (oldSelf.hasValue() && ${isEmpty('oldSelf.value()')})`,
  optionalOldSelf: true,
  message:
    'must not be empty: at least one of matchLabels and matchExpressions, which the labels of the template satisfy',
  reason: 'FieldValueRequired',
  check(self, old) {
    return !selectsAll(self) || (old && selectsAll(old)) ? undefined : this.message;
  },
};

/** A set stored with a deadline stays updatable while it keeps it. */
export const NO_ACTIVE_DEADLINE: Rule<number> = {
  rule: 'oldSelf.hasValue() && oldSelf.value() == self',
  optionalOldSelf: true,
  message: 'must not be set: a CollaSet replaces Pods that end, so its Pods must not have a deadline',
  reason: 'FieldValueForbidden',
  check(self, old) {
    return old === self ? undefined : this.message;
  },
};

type Templated = { selector: LabelSelector; template: { metadata?: { labels?: Record<string, string> } } };

const DOES_NOT_MATCH =
  'selector does not match labels in pod template: spec.template.metadata.labels must satisfy spec.selector';
const LABELS = 'self.template.metadata.labels';

const differs = `!(k in ${LABELS} && ${LABELS}[k] == self.selector.matchLabels[k])`;
const wanted = `'"' + k + '": must be "' + self.selector.matchLabels[k] + '"'`;
const found = (key: string) => `(${key} in ${LABELS} ? ', not "' + ${LABELS}[${key}] + '"' : ', but there is none')`;
const foundIn = (labels: Record<string, string>, key: string) =>
  own(labels, key) === undefined ? ', but there is none' : `, not "${own(labels, key)}"`;
const MATCH_LABELS_FIT_TEMPLATE: Rule<Templated> = {
  rule: `!has(self.selector.matchLabels) || !self.selector.matchLabels.exists(k, ${differs})`,
  message: DOES_NOT_MATCH,
  messageExpression: `'${DOES_NOT_MATCH} in ' + self.selector.matchLabels.map(k, ${differs}, ${wanted} + ${found('k')})[0]`,
  check({ selector: { matchLabels = {} }, template }) {
    const labels = template.metadata?.labels ?? {};
    const [key] = Object.keys(matchLabels).filter((name) => own(labels, name) !== own(matchLabels, name));
    if (key === undefined) return undefined;
    return `${DOES_NOT_MATCH} in "${key}": must be "${own(matchLabels, key)}"${foundIn(labels, key)}`;
  },
};

const unmet = `
  !(e.key in ${LABELS}
    ? e.operator == 'Exists' ||
      (e.operator == 'In' && has(e.values) && ${LABELS}[e.key] in e.values) ||
      (e.operator == 'NotIn' && !(has(e.values) && ${LABELS}[e.key] in e.values))
    : e.operator in ['NotIn', 'DoesNotExist'])`;
const MATCH_EXPRESSIONS_FIT_TEMPLATE: Rule<Templated> = {
  rule: `!has(self.selector.matchExpressions) || !self.selector.matchExpressions.exists(e, ${unmet})`,
  message: DOES_NOT_MATCH,
  messageExpression: `
    '${DOES_NOT_MATCH} in ' + self.selector.matchExpressions.map(e, ${unmet},
      '"' + e.key + '": must be ' + e.operator + (has(e.values) ? ' [' + e.values.join(', ') + ']' : '') + ${found('e.key')})[0]`,
  check({ selector: { matchExpressions = [] }, template }) {
    const labels = template.metadata?.labels ?? {};
    const failing = matchExpressions.find(
      (requirement) => !matchesSelector({ matchExpressions: [requirement] }, labels),
    );
    if (!failing) return undefined;
    const { key, operator, values } = failing;
    const among = values ? ` [${values.join(', ')}]` : '';
    return `${DOES_NOT_MATCH} in "${key}": must be ${operator}${among}${foundIn(labels, key)}`;
  },
};

type Named = {
  namingStrategy?: { podNamingSuffixPolicy?: string };
  scaleStrategy?: { context?: string; podToInclude?: string[]; podToExclude?: string[] };
};

const SEQUENCE_MOVES_NONE =
  'spec.scaleStrategy.podToExclude[podToInclude] is not allowed when spec.namingStrategy.podNamingSuffixPolicy is PersistentSequence: both must be empty';
const SEQUENCE_EXCLUDES_LISTS: Rule<Named> = {
  rule: `
    !has(self.namingStrategy) || !has(self.namingStrategy.podNamingSuffixPolicy) ||
    self.namingStrategy.podNamingSuffixPolicy != 'PersistentSequence' || !has(self.scaleStrategy) ||
    ((!has(self.scaleStrategy.podToInclude) || size(self.scaleStrategy.podToInclude) == 0) &&
     (!has(self.scaleStrategy.podToExclude) || size(self.scaleStrategy.podToExclude) == 0))`,
  message: SEQUENCE_MOVES_NONE,
  messageExpression: `
    '${SEQUENCE_MOVES_NONE}, but "' +
    (has(self.scaleStrategy.podToInclude) && size(self.scaleStrategy.podToInclude) > 0
      ? self.scaleStrategy.podToInclude[0] + '" is in podToInclude'
      : self.scaleStrategy.podToExclude[0] + '" is in podToExclude')`,
  reason: 'FieldValueForbidden',
  check({ namingStrategy, scaleStrategy }) {
    if (namingStrategy?.podNamingSuffixPolicy !== 'PersistentSequence') return undefined;
    for (const list of ['podToInclude', 'podToExclude'] as const) {
      const [pod] = scaleStrategy?.[list] ?? [];
      if (pod !== undefined) return `${SEQUENCE_MOVES_NONE}, but "${pod}" is in ${list}`;
    }
    return undefined;
  },
};

// Said with `has` in place of CEL's optionals, whose cost the API server cannot bound.
const contextIn = (spec: 'self' | 'oldSelf') =>
  `(has(${spec}.scaleStrategy) && has(${spec}.scaleStrategy.context) ? ${spec}.scaleStrategy.context : '')`;

const CONTEXT_IS_IMMUTABLE: Rule<Named> = {
  rule: `${contextIn('self')} == ${contextIn('oldSelf')}`,
  message: 'spec.scaleStrategy.context is not allowed to be changed: the Pods hold instance ids of the old pool',
  messageExpression: `'spec.scaleStrategy.context is not allowed to be changed from "' + ${contextIn('oldSelf')} + '" to "' + ${contextIn('self')} + '"'`,
  check(self, old) {
    const [from, to] = [old?.scaleStrategy?.context ?? '', self.scaleStrategy?.context ?? ''];
    if (!old || from === to) return undefined;
    return `spec.scaleStrategy.context is not allowed to be changed from "${from}" to "${to}"`;
  },
};

const namingIn = (spec: 'self' | 'oldSelf') => {
  const path = `${spec}.namingStrategy.podNamingSuffixPolicy`;
  return `(has(${spec}.namingStrategy) && has(${path}) && ${path} == 'PersistentSequence')`;
};

// The names of the Pods there are would no longer say which instance ids are taken.
const NAMING_IS_IMMUTABLE: Rule<Named> = {
  rule: `${namingIn('self')} == ${namingIn('oldSelf')}`,
  message:
    'spec.namingStrategy.podNamingSuffixPolicy is not allowed to be changed: the Pods there are have names of the old policy',
  check(self, old) {
    const isSequence = (spec: Named) => spec.namingStrategy?.podNamingSuffixPolicy === 'PersistentSequence';
    return !old || isSequence(self) === isSequence(old) ? undefined : this.message;
  },
};

export const COLLASET_SPEC_RULES: readonly Rule<Templated & Named>[] = [
  MATCH_LABELS_FIT_TEMPLATE,
  MATCH_EXPRESSIONS_FIT_TEMPLATE,
  SEQUENCE_EXCLUDES_LISTS,
  CONTEXT_IS_IMMUTABLE,
  NAMING_IS_IMMUTABLE,
];

type PodList = 'podToDelete' | 'podToInclude' | 'podToExclude';
type PodLists = { [list in PodList]?: string[] };

function disjoint(one: PodList, other: PodList): Rule<PodLists> {
  return {
    rule: `!has(self.${one}) || !has(self.${other}) || !self.${one}.exists(p, p in self.${other})`,
    message: `spec.scaleStrategy.${one}[${other}] should not have intersection: a Pod may be in one of the lists only`,
    messageExpression: `'spec.scaleStrategy.${one}[${other}] should not have intersection [' + self.${one}.filter(p, p in self.${other})[0] + ']: a Pod may be in one of the lists only'`,
    check(self) {
      const shared = (self[one] ?? []).filter((pod) => self[other]?.includes(pod));
      if (shared.length === 0) return undefined;
      return `spec.scaleStrategy.${one}[${other}] should not have intersection [${shared[0]}]: a Pod may be in one of the lists only`;
    },
  };
}

export const SCALE_STRATEGY_RULES: readonly Rule<PodLists>[] = [
  disjoint('podToExclude', 'podToInclude'),
  disjoint('podToDelete', 'podToInclude'),
  disjoint('podToDelete', 'podToExclude'),
];

/** A Pod is named `<set>-<id>`, and its name must fit a label value (63) to be its hostname. */
const MAX_POD_NAME = 63;

const longestPodName = ({ metadata, spec }: KubeObject & { spec: unknown }): number => {
  const { namingStrategy, replicas = DEFAULT_REPLICAS } = spec as Named & { replicas?: number };
  if (namingStrategy?.podNamingSuffixPolicy !== 'PersistentSequence') return 0;
  return (metadata.name ?? '').length + 1 + String(replicas).length;
};

/** Only a write that makes the name too long is refused: an object already so must stay deletable. */
export const NAME_LEAVES_ROOM_FOR_IDS: Rule<KubeObject & { spec: unknown }> = {
  rule: `
    self.spec.?namingStrategy.?podNamingSuffixPolicy.orValue('') != 'PersistentSequence' ||
    size(self.metadata.name) + 1 + size(string(self.spec.?replicas.orValue(1))) <= ${MAX_POD_NAME} ||
    (oldSelf.?spec.?namingStrategy.?podNamingSuffixPolicy.orValue('') == 'PersistentSequence' &&
     oldSelf.?spec.?replicas.orValue(1) >= self.spec.?replicas.orValue(1))`,
  optionalOldSelf: true,
  message: `metadata.name with the longest instance id must not exceed ${MAX_POD_NAME} characters under PersistentSequence`,
  messageExpression: `'metadata.name "' + self.metadata.name + '" is too long for PersistentSequence: with "-" and an instance id it must not exceed ${MAX_POD_NAME} characters'`,
  check(self, old) {
    if (longestPodName(self) <= MAX_POD_NAME) return undefined;
    if (old && longestPodName(old) >= longestPodName(self)) return undefined;
    return `metadata.name "${self.metadata.name}" is too long for PersistentSequence: with "-" and an instance id it must not exceed ${MAX_POD_NAME} characters`;
  },
};

const NO_DOT = 'must not contain a dot: each Pod has its own name as hostname, which is of a-z, 0-9 and "-"';

/** Pods of another name were refused one by one. A set that is there already must stay deletable. */
export const NAME_MAKES_HOSTNAMES: Rule<KubeObject & { spec: unknown }> = {
  rule: `
    self.spec.?namingStrategy.?podNamingSuffixPolicy.orValue('') != 'PersistentSequence' ||
    !self.metadata.name.contains('.') || oldSelf.hasValue()`,
  optionalOldSelf: true,
  message: `metadata.name under PersistentSequence ${NO_DOT}`,
  messageExpression: `'metadata.name "' + self.metadata.name + '" under PersistentSequence ${NO_DOT}'`,
  check(self, old) {
    const { namingStrategy } = self.spec as Named;
    if (old || namingStrategy?.podNamingSuffixPolicy !== 'PersistentSequence') return undefined;
    if (!self.metadata.name?.includes('.')) return undefined;
    return `metadata.name "${self.metadata.name}" under PersistentSequence ${NO_DOT}`;
  },
};
