// The building blocks of the schemas. TypeBox writes JSON Schema; Kubernetes reads a dialect of it ("structural schema"), whose extra
// keywords (x-kubernetes-…) are passed as options.
import { type TProperties, type TSchema, type TSchemaOptions, Type } from 'typebox';

/** A validation rule over several fields, in CEL, as the API server evaluates it. */
export type Rule = {
  /** CEL over `self` (and `oldSelf` for a rule about changes). */
  readonly rule: string;
  /** What is allowed; the API server's answer where `messageExpression` is missing or fails. */
  readonly message: string;
  /** CEL that names the value too. */
  readonly messageExpression?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  /** Makes `oldSelf` a CEL optional, so that a rule about changes also runs on create. */
  readonly optionalOldSelf?: boolean;
};

type Options = TSchemaOptions & { rules?: readonly Rule[] };

/** Declares an object with these fields only; the API server drops others. */
export const fields = <const P extends TProperties>(properties: P, { rules, ...options }: Options = {}) =>
  Type.Object(properties, rules ? { ...options, 'x-kubernetes-validations': rules } : options);

/** Declares an object whose other fields the API server keeps as they are. */
export const openObject = <T>(properties: TProperties = {}, options: TSchemaOptions = {}) =>
  Type.Unsafe<T>({ ...Type.Object(properties, options), 'x-kubernetes-preserve-unknown-fields': true });

export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
export const listOf = <T extends TSchema>(items: T, options: TSchemaOptions = {}) => Type.Array(items, options);
/** Declares a list whose items differ in `key`; server-side apply merges them by it. */
export const listByKey = <T extends TSchema>(key: string, items: T, options: TSchemaOptions = {}) =>
  Type.Array(items, { ...options, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
export const string = (options: TSchemaOptions = {}) => Type.String(options);
export const boolean = (options: TSchemaOptions = {}) => Type.Boolean(options);
export const integer = (options: TSchemaOptions = {}) => Type.Integer(options);
export const int32 = (options: TSchemaOptions = {}) => Type.Integer({ format: 'int32', ...options });
export const int64 = (options: TSchemaOptions = {}) => Type.Integer({ format: 'int64', ...options });
/** RFC 3339 time, as a string. */
export const time = (options: TSchemaOptions = {}) => Type.String({ format: 'date-time', ...options });

/** Declares one of `values`; the API server's refusal lists all of them. */
export const oneOf = <const V extends string>(values: readonly V[], options: TSchemaOptions = {}) =>
  Type.Unsafe<V>({ ...options, type: 'string', enum: values });

/** A string map such as labels; `values` says what each value may be. */
export const stringMap = (options: TSchemaOptions = {}, values: TSchemaOptions = {}) =>
  Type.Unsafe<Record<string, string>>({
    ...options,
    type: 'object',
    additionalProperties: { ...values, type: 'string' },
  });

/** `3` or `"30%"`. A `pattern` binds the string form only. */
export const intOrString = (options: TSchemaOptions = {}) =>
  Type.Unsafe<number | string>({ ...options, 'x-kubernetes-int-or-string': true });

const QUANTITY =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';
/** A resource quantity such as `1Gi`. */
export const quantity = (options: TSchemaOptions = {}) =>
  Type.Unsafe<string>(intOrString({ pattern: QUANTITY, ...options }));
export const quantities = (options: TSchemaOptions = {}) =>
  Type.Unsafe<Record<string, string>>({ ...options, type: 'object', additionalProperties: quantity() });
