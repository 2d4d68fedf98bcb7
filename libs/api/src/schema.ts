// The building blocks of our schemas. TypeBox writes JSON Schema; Kubernetes reads a dialect of it ("structural schema"), whose
// extra keywords (x-kubernetes-…) ride along as options.
import { type Static, type TProperties, type TSchema, type TSchemaOptions, Type } from 'typebox';
import type { Condition, LabelSelector } from './core.ts';

/** A CEL rule the API server evaluates; `messageExpression` may name the value, `message` stands in when it fails. */
export type CelRule = {
  rule: string;
  message: string;
  messageExpression?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  fieldPath?: string;
  optionalOldSelf?: boolean;
};

type ObjectOptions = TSchemaOptions & { cel?: readonly CelRule[] };

const withCel = ({ cel, ...options }: ObjectOptions): TSchemaOptions =>
  cel ? { ...options, 'x-kubernetes-validations': cel } : options;

export const fields = <const P extends TProperties>(properties: P, options: ObjectOptions = {}) =>
  Type.Object(properties, withCel(options));

export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
export const string = (options: TSchemaOptions = {}) => Type.String(options);
export const boolean = (options: TSchemaOptions = {}) => Type.Boolean(options);
export const int32 = (options: TSchemaOptions = {}) => Type.Integer({ format: 'int32', ...options });
export const int64 = (options: TSchemaOptions = {}) => Type.Integer({ format: 'int64', ...options });
export const listOf = <T extends TSchema>(items: T, options: TSchemaOptions = {}) => Type.Array(items, options);
/** RFC 3339 time, as a string. */
export const time = () => Type.String({ format: 'date-time' });

/** One of `values`; the API server's refusal lists them all. */
export const oneOf = <const V extends string>(values: readonly V[], options: TSchemaOptions = {}) =>
  Type.Unsafe<V>({ ...options, type: 'string', enum: values });

/** A string map such as labels. */
export const stringMap = (options: TSchemaOptions = {}, values: TSchemaOptions = {}) =>
  Type.Unsafe<Record<string, string>>({
    ...options,
    type: 'object',
    additionalProperties: { ...values, type: 'string' },
  });

/** `3` or `"30%"`. */
export const intOrString = (options: TSchemaOptions = {}) =>
  Type.Unsafe<number | string>({ ...options, 'x-kubernetes-int-or-string': true });

const QUANTITY =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';
/** A Kubernetes resource quantity; a bare number is one too. */
export const quantity = (options: TSchemaOptions = {}) =>
  Type.Unsafe<string>({ ...intOrString(options), pattern: QUANTITY });
export const quantities = () =>
  Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: quantity() });

/** An object whose other fields are kept as they come: for core types we only carry along. */
export const openObject = <T>(properties: TProperties = {}, options: ObjectOptions = {}) =>
  Type.Unsafe<T>({ ...Type.Object(properties, withCel(options)), 'x-kubernetes-preserve-unknown-fields': true });

const LABEL_VALUE = '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$';
const LABEL_KEY = '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$';
/** What a label's value may be; the length also bounds the cost of CEL rules that compare labels. */
export const labelValue = { maxLength: 63, pattern: LABEL_VALUE };

const requirement = fields(
  {
    key: string({ minLength: 1, maxLength: 317, pattern: LABEL_KEY }),
    operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: optional(listOf(string(labelValue), { maxItems: 256, 'x-kubernetes-list-type': 'atomic' })),
  },
  {
    cel: [
      {
        rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
        message: 'values must have an entry for the operators In and NotIn, and none for Exists and DoesNotExist',
        messageExpression:
          "self.operator in ['In', 'NotIn'] ? 'values is empty: operator ' + self.operator + ' needs at least one' : 'values is set: operator ' + self.operator + ' allows none'",
      },
    ],
  },
);

/** A metav1.LabelSelector; `{}` selects everything. */
export const labelSelector = (options: TSchemaOptions = {}) =>
  Type.Unsafe<LabelSelector>({
    ...fields({
      matchLabels: optional(stringMap({ maxProperties: 128 }, labelValue)),
      matchExpressions: optional(listOf(requirement, { maxItems: 128, 'x-kubernetes-list-type': 'atomic' })),
    }),
    ...options,
    'x-kubernetes-map-type': 'atomic',
  });

/** One status condition; the Go API requires none of its fields. */
export const condition = () =>
  Type.Unsafe<Condition>(
    fields({
      type: optional(string()),
      status: optional(string()),
      reason: optional(string()),
      message: optional(string()),
      lastTransitionTime: optional(time()),
      observedGeneration: optional(int64()),
    }),
  );

export type { Static };
