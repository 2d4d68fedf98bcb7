import { type TSchemaOptions, Type } from 'typebox';
import type { LabelSelector } from './core.ts';
import { fields, listOf, oneOf, optional, type Rule, string, stringMap } from './schema.ts';

/** What a label's value may be; its length also bounds the cost of CEL rules that compare labels. */
export const LABEL_VALUE = { maxLength: 63, pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$' };
const LABEL_KEY = {
  maxLength: 317,
  pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$',
};

export const VALUES_FIT_OPERATOR: Rule = {
  rule: "self.operator in ['In', 'NotIn'] == (has(self.values) && size(self.values) > 0)",
  message: 'In and NotIn need at least one value, Exists and DoesNotExist allow none',
  messageExpression:
    "'values do not fit operator ' + self.operator + ': In and NotIn need at least one value, Exists and DoesNotExist allow none'",
};

const requirement = fields(
  {
    key: string({ ...LABEL_KEY, description: 'Key of the label to which the requirement applies.' }),
    operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
      description:
        'How the label relates to the values. In and NotIn compare its value with them, and NotIn also matches an object without the label. Exists and DoesNotExist check only whether the object has the label.',
    }),
    values: optional(
      listOf(string(LABEL_VALUE), {
        maxItems: 256,
        'x-kubernetes-list-type': 'atomic',
        description: 'Values for the operator. In and NotIn need at least one; Exists and DoesNotExist allow none.',
      }),
    ),
  },
  { rules: [VALUES_FIT_OPERATOR] },
);

/** A metav1.LabelSelector; `{}` selects everything. The sizes only bound what CEL rules over it may cost. */
export const labelSelector = (options: TSchemaOptions & { description: string }) =>
  Type.Unsafe<LabelSelector>({
    ...fields({
      matchLabels: optional(
        stringMap(
          { maxProperties: 128, description: 'Labels that an object must have, each with exactly this value.' },
          LABEL_VALUE,
        ),
      ),
      matchExpressions: optional(
        listOf(requirement, {
          maxItems: 128,
          'x-kubernetes-list-type': 'atomic',
          description: 'Requirements on labels. An object must meet all of them, and have all matchLabels.',
        }),
      ),
    }),
    ...options,
    'x-kubernetes-map-type': 'atomic',
  });
