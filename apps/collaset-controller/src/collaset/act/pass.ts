import type { CollaSet, ControllerRevision, PersistentVolumeClaim, Pod } from '@kuperator/api';
import { revisionsByName } from '../revision/revision.ts';
import type { Revision } from '../revision/revision-data.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import type { ActMemory } from './memory.ts';

export type PassInput = {
  readonly deps: Deps;
  readonly set: CollaSet;
  readonly memory: ActMemory;
  readonly signal: AbortSignal;
};

/** One pass over one set: what its writes need, and what they find out. */
export class Pass {
  readonly deps: Deps;
  readonly memory: ActMemory;
  /** As the pass sees the set: only writes of this pass change it. */
  set: CollaSet;
  /** The revision that Pods are updated to; undefined until it is stored, and while the set is being deleted. */
  updated: Revision | undefined;
  /** A write was refused: the next pass decides what follows from it. */
  hasRefused = false;
  /** A Pod was deleted for which a quota has no room besides: no other may be before its next one exists. */
  isTightUsed = false;
  /** Whether a change in place to the updated revision was refused on any Pod; undefined until it is asked for. */
  isSuspicious: boolean | undefined;
  readonly #signal: AbortSignal;
  readonly #startedMs: number;
  #wakeUpMs: number | undefined;

  constructor({ deps, set, memory, signal }: PassInput) {
    this.deps = deps;
    this.set = set;
    this.memory = memory;
    this.#signal = signal;
    this.#startedMs = deps.clock.monotonic();
  }

  /** True once no further write may begin: the time is over, or the set belongs to another replica. A later pass decides the rest. */
  isOver(): boolean {
    return this.isAborted || this.deps.clock.monotonic() - this.#startedMs > this.deps.settings.passMs;
  }

  /** True once the set is no longer this replica's, or the process ends. */
  get isAborted(): boolean {
    return this.#signal.aborted;
  }

  /** @throws the reason of the signal once the set is no longer this replica's, or the process ends */
  throwIfAborted(): void {
    this.#signal.throwIfAborted();
  }

  /** Has the set planned again after `ms`, or earlier if something else asks for it. */
  wakeAfter(ms: number | undefined): void {
    if (ms !== undefined) this.#wakeUpMs = Math.min(this.#wakeUpMs ?? ms, ms);
  }

  /** When to plan again, in ms; undefined if only an event can change anything. */
  get wakeUpMs(): number | undefined {
    return this.#wakeUpMs;
  }

  /** The set's Pods, as the cache has them now. */
  owned(): readonly Pod[] {
    return this.deps.pods.byIndex(BY_OWNER, this.set.metadata.uid ?? '');
  }

  claims(): readonly PersistentVolumeClaim[] {
    return this.deps.claims.byIndex(BY_OWNER, this.set.metadata.uid ?? '');
  }

  storedRevisions(): readonly ControllerRevision[] {
    return this.deps.revisions.byIndex(BY_OWNER, this.set.metadata.uid ?? '');
  }

  /** The set's revisions that can be read, by name. */
  revisions(): ReadonlyMap<string, Revision> {
    return revisionsByName(this.storedRevisions());
  }
}
