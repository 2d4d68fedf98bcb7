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

/** All that makes one kind of ours: what its CRD is generated from and its objects are validated by. */
export type KindDeclaration = {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: TSchema;
  /** False where the Go implementation admits an object without one. The API server then fills in an empty one. */
  readonly specRequired: boolean;
  /** Undefined for a kind without status (and status subresource). */
  readonly status?: TSchema;
  readonly scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath: string };
  readonly columns: readonly PrinterColumn[];
  /** Rules over the whole object; of its metadata the API server shows them the name alone. */
  readonly rules?: readonly Rule[];
};

/** The usual last column that is not a wide one. */
export const AGE: PrinterColumn = { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' };
