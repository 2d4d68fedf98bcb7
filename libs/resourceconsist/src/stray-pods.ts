import { isTerminating, type Key, keyOf, type Pod } from '@kuperator/api';

/**
 * Pods that left the cache alive and with lifecycle finalizers on: their control label was taken away. No watch shows them
 * any more, and nobody else would ever take the finalizer off, so that they could never be deleted.
 * Known only while the process lives; a Pod opted out while no adapter runs keeps its finalizer.
 */
export class StrayPods {
  readonly #byEmployer = new Map<Key, Set<Key>>();

  /** @param employers those the Pod bore marks of */
  note(pod: Pod, employers: Iterable<Key>): void {
    // A DELETED event shows the last stored state, which for a Pod that really ended has a deletionTimestamp.
    if (isTerminating(pod)) return;
    for (const employer of employers) {
      const pods = this.#byEmployer.get(employer) ?? new Set();
      this.#byEmployer.set(employer, pods.add(keyOf(pod)));
    }
  }

  of(employer: Key): readonly Key[] {
    return [...(this.#byEmployer.get(employer) ?? [])];
  }

  forget(employer: Key, pod: Key): void {
    const pods = this.#byEmployer.get(employer);
    pods?.delete(pod);
    if (pods?.size === 0) this.#byEmployer.delete(employer);
  }
}
