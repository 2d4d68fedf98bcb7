import { isTerminating, type Key, keyOf, type Pod } from '@kuperator/api';

/**
 * Running Pods that left the cache with lifecycle finalizers on them, because their control label was removed. No watch shows them any
 * more, and no other controller would ever remove the finalizer, so they could never be deleted.
 * Kept in memory only: a Pod that opts out while no adapter runs keeps its finalizer.
 */
export class StrayPods {
  readonly #byEmployer = new Map<Key, Set<Key>>();

  /** @param employers the employers whose marks the Pod carried */
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
