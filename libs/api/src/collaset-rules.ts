// Validation rules that involve several fields of a CollaSet.

import type { Rule } from './schema.ts';

/** The default that the API server fills in. Objects from a cluster whose definition has no default may lack the field. */
export const DEFAULT_REPLICAS = 1;

/**
 * The maximum number of Pods of a set. Their ids are the entries of one ResourceContext, which etcd limits to 1.5 MiB: about 100 bytes for
 * each entry. A set that was stored with more replicas still accepts other changes, but gets no Pods beyond this number.
 */
export const MAX_REPLICAS = 15_000;

/** The maximum number of unused revisions, whatever `historyLimit` is, because each is a whole template in the cache of the controller. */
export const MAX_HISTORY = 200;

const isEmpty = (selector: string) =>
  `!(has(${selector}.matchLabels) && size(${selector}.matchLabels) > 0) &&
   !(has(${selector}.matchExpressions) && size(${selector}.matchExpressions) > 0)`;

/** A set that was stored before this rule keeps its empty selector, so that users can still update and delete it. */
export const SELECTOR_IS_NOT_EMPTY: Rule = {
  rule: `!(${isEmpty('self')}) || (oldSelf.hasValue() && ${isEmpty('oldSelf.value()')})`,
  optionalOldSelf: true,
  message: 'must not be empty: set matchLabels or matchExpressions, and give the template labels that match',
  reason: 'FieldValueRequired',
};

/** A set that was stored with a deadline accepts other changes as long as the deadline stays the same. */
export const NO_ACTIVE_DEADLINE: Rule = {
  rule: 'oldSelf.hasValue() && oldSelf.value() == self',
  optionalOldSelf: true,
  message: 'must not be set: a CollaSet replaces Pods that end, so its Pods must not have a deadline',
  reason: 'FieldValueForbidden',
};

const DOES_NOT_MATCH = 'selector does not match labels in pod template';
const LABELS = 'self.template.metadata.labels';

const differs = `!(k in ${LABELS} && ${LABELS}[k] == self.selector.matchLabels[k])`;
const wanted = `'label "' + k + '" must be "' + self.selector.matchLabels[k] + '"'`;
const found = (key: string) =>
  `(${key} in ${LABELS} ? ', but it is "' + ${LABELS}[${key}] + '"' : ', but it is missing')`;
const MATCH_LABELS_FIT_TEMPLATE: Rule = {
  rule: `!has(self.selector.matchLabels) || !self.selector.matchLabels.exists(k, ${differs})`,
  message: DOES_NOT_MATCH,
  messageExpression: `'${DOES_NOT_MATCH}: ' + self.selector.matchLabels.map(k, ${differs}, ${wanted} + ${found('k')})[0]`,
};

const unmet = `
  !(e.key in ${LABELS}
    ? e.operator == 'Exists' ||
      (e.operator == 'In' && has(e.values) && ${LABELS}[e.key] in e.values) ||
      (e.operator == 'NotIn' && !(has(e.values) && ${LABELS}[e.key] in e.values))
    : e.operator in ['NotIn', 'DoesNotExist'])`;
const MATCH_EXPRESSIONS_FIT_TEMPLATE: Rule = {
  rule: `!has(self.selector.matchExpressions) || !self.selector.matchExpressions.exists(e, ${unmet})`,
  message: DOES_NOT_MATCH,
  messageExpression: `
    '${DOES_NOT_MATCH}: ' + self.selector.matchExpressions.map(e, ${unmet},
      'label "' + e.key + '" must satisfy ' + e.operator + (has(e.values) ? ' [' + e.values.join(', ') + ']' : '') + ${found('e.key')})[0]`,
};

const SEQUENCE_MOVES_NONE =
  'spec.scaleStrategy.podToExclude[podToInclude] is not allowed when spec.namingStrategy.podNamingSuffixPolicy is PersistentSequence: both must be empty';
const SEQUENCE_EXCLUDES_LISTS: Rule = {
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
};

// This uses `has` instead of the optionals of CEL, because the API server cannot estimate their cost.
const contextIn = (spec: 'self' | 'oldSelf') =>
  `(has(${spec}.scaleStrategy) && has(${spec}.scaleStrategy.context) ? ${spec}.scaleStrategy.context : '')`;

const CONTEXT_IS_IMMUTABLE: Rule = {
  rule: `${contextIn('self')} == ${contextIn('oldSelf')}`,
  message: 'spec.scaleStrategy.context is not allowed to be changed: the Pods hold instance ids of the old pool',
  messageExpression: `'spec.scaleStrategy.context is not allowed to be changed from "' + ${contextIn('oldSelf')} + '" to "' + ${contextIn('self')} + '"'`,
};

const namingIn = (spec: 'self' | 'oldSelf') => {
  const path = `${spec}.namingStrategy.podNamingSuffixPolicy`;
  return `(has(${spec}.namingStrategy) && has(${path}) && ${path} == 'PersistentSequence')`;
};

// The names of existing Pods would no longer show which instance ids are in use.
const NAMING_IS_IMMUTABLE: Rule = {
  rule: `${namingIn('self')} == ${namingIn('oldSelf')}`,
  message:
    'spec.namingStrategy.podNamingSuffixPolicy is not allowed to be changed: existing Pods have names of the old policy',
};

export const COLLASET_SPEC_RULES: readonly Rule[] = [
  MATCH_LABELS_FIT_TEMPLATE,
  MATCH_EXPRESSIONS_FIT_TEMPLATE,
  SEQUENCE_EXCLUDES_LISTS,
  CONTEXT_IS_IMMUTABLE,
  NAMING_IS_IMMUTABLE,
];

type PodList = 'podToDelete' | 'podToInclude' | 'podToExclude';

function disjoint(one: PodList, other: PodList): Rule {
  return {
    rule: `!has(self.${one}) || !has(self.${other}) || !self.${one}.exists(p, p in self.${other})`,
    message: `spec.scaleStrategy.${one}[${other}] should not have intersection: a Pod may be in only one of these lists`,
    messageExpression: `'spec.scaleStrategy.${one}[${other}] should not have intersection [' + self.${one}.filter(p, p in self.${other})[0] + ']: a Pod may be in only one of these lists'`,
  };
}

export const SCALE_STRATEGY_RULES: readonly Rule[] = [
  disjoint('podToExclude', 'podToInclude'),
  disjoint('podToDelete', 'podToInclude'),
  disjoint('podToDelete', 'podToExclude'),
];

/** A Pod is named `<set>-<id>`, and its name must fit a label value (63) to be its hostname. */
const MAX_POD_NAME = 63;

/** Only a write that makes the name too long is refused, so that a stored object with such a name can be deleted. */
export const NAME_LEAVES_ROOM_FOR_IDS: Rule = {
  rule: `
    self.spec.?namingStrategy.?podNamingSuffixPolicy.orValue('') != 'PersistentSequence' ||
    size(self.metadata.name) + 1 + size(string(self.spec.?replicas.orValue(1))) <= ${MAX_POD_NAME} ||
    (oldSelf.?spec.?namingStrategy.?podNamingSuffixPolicy.orValue('') == 'PersistentSequence' &&
     oldSelf.?spec.?replicas.orValue(1) >= self.spec.?replicas.orValue(1))`,
  optionalOldSelf: true,
  message: `metadata.name with the longest instance id must not exceed ${MAX_POD_NAME} characters under PersistentSequence`,
  messageExpression: `'metadata.name "' + self.metadata.name + '" is too long for PersistentSequence: with "-" and an instance id it must not exceed ${MAX_POD_NAME} characters'`,
};

const NO_DOT = 'must not contain a dot: the name of each Pod is its hostname, which allows only a-z, 0-9 and "-"';

/** The API server would refuse each Pod of such a set. A set that exists already can still be deleted. */
export const NAME_MAKES_HOSTNAMES: Rule = {
  rule: `
    self.spec.?namingStrategy.?podNamingSuffixPolicy.orValue('') != 'PersistentSequence' ||
    !self.metadata.name.contains('.') || oldSelf.hasValue()`,
  optionalOldSelf: true,
  message: `metadata.name under PersistentSequence ${NO_DOT}`,
  messageExpression: `'metadata.name "' + self.metadata.name + '" under PersistentSequence ${NO_DOT}'`,
};
