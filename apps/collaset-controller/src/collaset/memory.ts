import type { CollaSet, Key } from '@kuperator/api';
import { type ActMemory, beginGeneration, beginTerm, newActMemory } from './act/memory.ts';
import { newTellMemory, type TellMemory } from './tell/memory.ts';

/**
 * What a replica remembers about a set between passes. It only saves work: all decisions rest on the objects of the API server, and a
 * replica with an empty memory reaches the same result.
 */
type SetMemory = { readonly act: ActMemory; readonly tell: TellMemory };

type Remembered = SetMemory & { readonly uid: string; generation: number };

export class Memories {
  readonly #memories = new Map<Key, Remembered>();

  /** @param term the term in which the pass runs, see `Deps.term` */
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
