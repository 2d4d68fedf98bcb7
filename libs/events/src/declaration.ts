import type { Static, TObject } from 'typebox';

/** Everything said about one event, once: its TypeScript type, JSON Schema, identity and documentation come from here. */
export type EventDeclaration<Data extends TObject = TObject> = {
  /** What has happened, as a sentence. */
  readonly summary: string;
  /** Operators that publish it. */
  readonly publishers: readonly string[];
  /** Operators that listen to it, to go on at once where a watch would tell them a little later. */
  readonly wakes: readonly string[];
  readonly data: Data;
  /**
   * What makes two reports the same fact, besides the event's name: the event id is a function of these, in this order. A step that
   * can look the same twice takes the version of the object it was decided from.
   */
  identity(data: Static<Data>, resourceVersion: string | undefined): readonly (string | number | boolean | undefined)[];
};

/** Types one declaration from its data schema. */
export function declareEvent<Data extends TObject>(declaration: EventDeclaration<Data>): EventDeclaration<Data> {
  return declaration;
}
