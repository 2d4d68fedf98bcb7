import type { Rule } from './schema.ts';

/** Pods carry the verdict in the annotation `detail.podtransitionrule.kusionstack.io/<name>`, whose name part ends at 63. */
const MAX_NAME = 63;

/** Checked only on create, because a name never changes and an older object must stay deletable. */
export const NAME_FITS_ANNOTATION: Rule = {
  rule: `oldSelf.hasValue() || size(self.metadata.name) <= ${MAX_NAME}`,
  optionalOldSelf: true,
  message: `metadata.name must not exceed ${MAX_NAME} characters: it is part of an annotation key on Pods`,
  messageExpression: `'metadata.name "' + self.metadata.name + '" must not exceed ${MAX_NAME} characters: it is part of an annotation key on Pods'`,
};

const NO_POLICY = 'needs availablePolicy, labelCheck or webhook: a rule without a policy lets every Pod pass';

/** A rule stored without a policy stays as it is: its object must stay updatable. */
export const HAS_POLICY: Rule = {
  rule: `
    has(self.availablePolicy) || has(self.labelCheck) || has(self.webhook) ||
    (oldSelf.hasValue() && !has(oldSelf.value().availablePolicy) && !has(oldSelf.value().labelCheck) &&
     !has(oldSelf.value().webhook))`,
  optionalOldSelf: true,
  message: `rule ${NO_POLICY}`,
  messageExpression: `'rule "' + self.name + '" ${NO_POLICY}'`,
  reason: 'FieldValueRequired',
};

export const SOME_AVAILABLE_LIMIT: Rule = {
  rule: `has(self.maxUnavailableValue) || has(self.minAvailableValue)
    || (has(self.maxUnavailablePolicy) && has(self.maxUnavailablePolicy.expFunc)
      && has(self.maxUnavailablePolicy.expFunc.coeff) && self.maxUnavailablePolicy.expFunc.coeff != '')
    || (has(self.minAvailablePolicy) && has(self.minAvailablePolicy.expFunc)
      && has(self.minAvailablePolicy.expFunc.coeff) && self.minAvailablePolicy.expFunc.coeff != '')`,
  message:
    'availablePolicy needs maxUnavailableValue, minAvailableValue, or the expFunc of maxUnavailablePolicy or minAvailablePolicy',
  reason: 'FieldValueRequired',
};

export const WHOLE_FUNCTION: Rule = {
  rule: "(has(self.coeff) && self.coeff != '') == (has(self.pow) && self.pow != '')",
  message: 'expFunc needs both coeff and pow',
  reason: 'FieldValueRequired',
};
