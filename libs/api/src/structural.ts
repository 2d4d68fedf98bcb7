import type { TSchema } from 'typebox';
import type { KindDeclaration } from './kind.ts';
import type { Rule } from './schema.ts';

/** The part of JSON Schema that Kubernetes knows as a structural schema, as far as our kinds use it. */
export type Structural = {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  format?: string;
  default?: unknown;
  enum?: readonly string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  properties?: Readonly<Record<string, Structural>>;
  required?: readonly string[];
  additionalProperties?: Structural;
  items?: Structural;
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-list-type'?: 'atomic' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: readonly Rule[];
};

/** Returns the schema of a whole object of the kind, rules included. */
export function structuralSchemaOf(declaration: KindDeclaration): Structural {
  const { spec, specRequired, status, description, rules } = declaration;
  const properties: Record<string, TSchema> = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: specRequired ? spec : { ...spec, default: {} },
    ...(status ? { status } : {}),
  };
  return {
    type: 'object',
    description,
    properties: properties as Structural['properties'],
    required: specRequired ? ['spec'] : [],
    ...(rules ? { 'x-kubernetes-validations': rules } : {}),
  } as Structural;
}
