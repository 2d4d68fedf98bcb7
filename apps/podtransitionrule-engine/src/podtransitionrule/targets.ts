import { type Key, keyOf, type Pod, type PodTransitionRule } from '@kuperator/api';

/**
 * Finds the rule objects whose status names a Pod as a target. If a Pod left the selection unnoticed, for example while the watch was
 * interrupted, only the status still names it. An index of the informer would compare thousands of targets with each other at each write of
 * a status. Here both lists are sorted, so that one walk over them finds the changes.
 */
export class TargetIndex {
  readonly #rulesOf = new Map<Key, Set<Key>>();

  /** Applies a change of a rule object. Undefined means that it did not exist before, or no longer exists. */
  update(before: PodTransitionRule | undefined, after: PodTransitionRule | undefined): void {
    if (before?.status?.targets === after?.status?.targets) return;
    for (const pod of missingFrom(targetsOf(after), targetsOf(before))) if (before) this.#remove(before, pod);
    for (const pod of missingFrom(targetsOf(before), targetsOf(after))) if (after) this.#add(after, pod);
  }

  /** Keys of the rule objects that have the Pod as a target. */
  rulesOf(pod: Pod): Iterable<Key> {
    return this.#rulesOf.get(keyOf(pod)) ?? [];
  }

  #add(rule: PodTransitionRule, pod: string): void {
    const key = `${rule.metadata.namespace}/${pod}`;
    const rules = this.#rulesOf.get(key) ?? new Set();
    this.#rulesOf.set(key, rules.add(keyOf(rule)));
  }

  #remove(rule: PodTransitionRule, pod: string): void {
    const key = `${rule.metadata.namespace}/${pod}`;
    const rules = this.#rulesOf.get(key);
    rules?.delete(keyOf(rule));
    if (rules?.size === 0) this.#rulesOf.delete(key);
  }
}

function targetsOf(rule: PodTransitionRule | undefined): readonly string[] {
  return rule?.status?.targets ?? [];
}

/** The names of `others` that are not in `names`. Both are sorted. */
function missingFrom(names: readonly string[], others: readonly string[]): readonly string[] {
  let at = 0;
  return others.filter((other) => {
    while (at < names.length && (names[at] ?? '') < other) at++;
    return names[at] !== other;
  });
}
