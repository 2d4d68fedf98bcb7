import type { TSchema } from 'typebox';
import type { Rule } from './schema.ts';

/** A column of `kubectl get`. */
export type PrinterColumn = {
  name: string;
  type: 'integer' | 'string' | 'boolean' | 'date';
  jsonPath: string;
  /** 1: shown with `-o wide` only. */
  priority?: number;
};

export const counted = (name: string, jsonPath: string): PrinterColumn => ({ name, type: 'integer', jsonPath });
export const text = (name: string, jsonPath: string): PrinterColumn => ({ name, type: 'string', jsonPath });
/** The column with `kubectl get -o wide` only. */
export const wide = (column: PrinterColumn): PrinterColumn => ({ ...column, priority: 1 });

/** The declaration of a kind. Its CRD is generated from it. */
export type KindDeclaration = {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: TSchema;
  /** False if the Go implementation accepts an object without a spec. The API server then fills in an empty spec. */
  readonly specRequired: boolean;
  /** Undefined for a kind without status (and status subresource). */
  readonly status?: TSchema;
  readonly scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath: string };
  readonly columns: readonly PrinterColumn[];
  /** Rules over the whole object; the API server gives them only the name from its metadata. */
  readonly rules?: readonly Rule[];
};

/** The usual last column that is not a wide one. */
export const AGE: PrinterColumn = { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' };
