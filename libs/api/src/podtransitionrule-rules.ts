import type { KubeObject } from './core.ts';
import type { Rule } from './schema.ts';

/** Pods carry the verdict in the annotation `detail.podtransitionrule.kusionstack.io/<name>`, whose name part ends at 63. */
const MAX_NAME = 63;

/** Asked on create only, as a name never changes: an older object must stay deletable. */
export const NAME_FITS_ANNOTATION: Rule<KubeObject & { spec: unknown }> = {
  rule: `oldSelf.hasValue() || size(self.metadata.name) <= ${MAX_NAME}`,
  optionalOldSelf: true,
  message: `metadata.name must not exceed ${MAX_NAME} characters: it is part of an annotation key on Pods`,
  messageExpression: `'metadata.name "' + self.metadata.name + '" must not exceed ${MAX_NAME} characters: it is part of an annotation key on Pods'`,
  check({ metadata }, old) {
    if (old || (metadata.name ?? '').length <= MAX_NAME) return undefined;
    return `metadata.name "${metadata.name}" must not exceed ${MAX_NAME} characters: it is part of an annotation key on Pods`;
  },
};

export const SOME_AVAILABLE_VALUE: Rule<{
  maxUnavailableValue?: number | string;
  minAvailableValue?: number | string;
}> = {
  rule: 'has(self.maxUnavailableValue) || has(self.minAvailableValue)',
  message: 'availablePolicy needs at least one of maxUnavailableValue and minAvailableValue',
  reason: 'FieldValueRequired',
  check(self) {
    return self.maxUnavailableValue === undefined && self.minAvailableValue === undefined ? this.message : undefined;
  },
};
