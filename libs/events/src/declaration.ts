import type { Static, TObject } from 'typebox';

/** The declaration of one event: its TypeScript type, JSON Schema, identity and documentation come from here. */
export type EventDeclaration<Data extends TObject = TObject> = {
  /** What has happened, as a sentence. */
  readonly summary: string;
  /** Operators that publish it. */
  readonly publishers: readonly string[];
  /** Operators that subscribe to it, to react sooner than their watch lets them. */
  readonly wakes: readonly string[];
  readonly data: Data;
  /**
   * The values that identify the fact, besides the event's name: the event id is a function of them, in this order. A step that can
   * occur twice with the same values includes the version of the object from which it was decided.
   */
  identity(data: Static<Data>, resourceVersion: string | undefined): readonly (string | number | boolean | undefined)[];
};

/** Types one declaration from its data schema. */
export function declareEvent<Data extends TObject>(declaration: EventDeclaration<Data>): EventDeclaration<Data> {
  return declaration;
}
