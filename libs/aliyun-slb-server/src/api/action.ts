import type { State } from '../world/state.ts';
import type { World } from '../world/world.ts';
import type { Parameters } from './parameters.ts';

/** What an action works on. */
export type Call = {
  parameters: Parameters;
  regionId: string;
  world: World;
  /** The state to read, or to change. */
  state: State;
};

/**
 * One action of an API. A `read` gets the state that reads show, which may lag behind; a `write` gets the present state, and checks
 * everything before it changes anything.
 */
export type Action = { kind: 'read' | 'write'; run: (call: Call) => Readonly<Record<string, unknown>> };

/** Shorthand for the tables of actions. */
export const read = (run: Action['run']): Action => ({ kind: 'read', run });
export const write = (run: Action['run']): Action => ({ kind: 'write', run });
