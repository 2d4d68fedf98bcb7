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

type Policies = { availablePolicy?: unknown; labelCheck?: unknown; webhook?: unknown };
const NO_POLICY = 'needs one of availablePolicy, labelCheck and webhook: without a policy it lets every Pod pass';
const hasPolicy = ({ availablePolicy, labelCheck, webhook }: Policies) =>
  [availablePolicy, labelCheck, webhook].some((policy) => policy !== undefined && policy !== null);

/** A rule stored without a policy stays as it is: its object must stay updatable. */
export const HAS_POLICY: Rule<Policies & { name: string }> = {
  rule: `
    has(self.availablePolicy) || has(self.labelCheck) || has(self.webhook) ||
    (oldSelf.hasValue() && !has(oldSelf.value().availablePolicy) && !has(oldSelf.value().labelCheck) &&
     !has(oldSelf.value().webhook))`,
  optionalOldSelf: true,
  message: `rule ${NO_POLICY}`,
  messageExpression: `'rule "' + self.name + '" ${NO_POLICY}'`,
  reason: 'FieldValueRequired',
  check(self, old) {
    return hasPolicy(self) || (old && !hasPolicy(old)) ? undefined : `rule "${self.name}" ${NO_POLICY}`;
  },
};

type Adaptive = { expFunc?: { coeff?: string; pow?: string } };

export const SOME_AVAILABLE_LIMIT: Rule<{
  maxUnavailableValue?: number | string;
  minAvailableValue?: number | string;
  maxUnavailablePolicy?: Adaptive;
  minAvailablePolicy?: Adaptive;
}> = {
  rule: `has(self.maxUnavailableValue) || has(self.minAvailableValue)
    || (has(self.maxUnavailablePolicy) && has(self.maxUnavailablePolicy.expFunc)
      && has(self.maxUnavailablePolicy.expFunc.coeff) && self.maxUnavailablePolicy.expFunc.coeff != '')
    || (has(self.minAvailablePolicy) && has(self.minAvailablePolicy.expFunc)
      && has(self.minAvailablePolicy.expFunc.coeff) && self.minAvailablePolicy.expFunc.coeff != '')`,
  message: 'availablePolicy needs at least one of maxUnavailableValue, minAvailableValue and an expFunc of either',
  reason: 'FieldValueRequired',
  check(self) {
    const hasLimit =
      self.maxUnavailableValue !== undefined ||
      self.minAvailableValue !== undefined ||
      Boolean(self.maxUnavailablePolicy?.expFunc?.coeff) ||
      Boolean(self.minAvailablePolicy?.expFunc?.coeff);
    return hasLimit ? undefined : this.message;
  },
};

export const WHOLE_FUNCTION: Rule<{ coeff?: string; pow?: string }> = {
  rule: "(has(self.coeff) && self.coeff != '') == (has(self.pow) && self.pow != '')",
  message: 'expFunc needs both coeff and pow',
  reason: 'FieldValueRequired',
  check(self) {
    return Boolean(self.coeff) === Boolean(self.pow) ? undefined : this.message;
  },
};
