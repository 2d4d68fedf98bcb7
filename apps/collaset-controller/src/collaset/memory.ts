import type { CollaSet, Key } from '@kuperator/api';
import { type ActMemory, beginGeneration, beginTerm, newActMemory } from './act/memory.ts';
import { newTellMemory, type TellMemory } from './tell/memory.ts';

/**
 * What a replica remembers of a set between passes. Only to spare work: everything is decided from the API server's objects, and a
 * replica that starts with an empty memory comes to the same end.
 */
export type SetMemory = { readonly act: ActMemory; readonly tell: TellMemory };

type Remembered = SetMemory & { readonly uid: string; generation: number };

export class Memories {
  readonly #memories = new Map<Key, Remembered>();

  /** @param term ownership of the set in which the pass runs */
  of(key: Key, { metadata }: CollaSet, term: number): SetMemory {
    const { uid = '', generation = 0 } = metadata;
    let memory = this.#memories.get(key);
    if (memory?.uid !== uid) {
      memory = { uid, generation, act: newActMemory(term), tell: newTellMemory() };
      this.#memories.set(key, memory);
    }
    if (memory.act.term !== term) beginTerm(memory.act, term);
    if (memory.generation !== generation) {
      memory.generation = generation;
      beginGeneration(memory.act);
    }
    return memory;
  }

  forget(key: Key): void {
    this.#memories.delete(key);
  }
}
