import type { TSchema } from 'typebox';
import type { KubeObject } from './core.ts';
import type { Rule } from './schema.ts';

/** A column of `kubectl get`. */
export type PrinterColumn = { name: string; type: 'integer' | 'string' | 'date'; jsonPath: string };

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
  readonly rules?: readonly Rule<KubeObject & { spec: unknown }>[];
};

/** The usual last column. */
export const AGE: PrinterColumn = { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' };
