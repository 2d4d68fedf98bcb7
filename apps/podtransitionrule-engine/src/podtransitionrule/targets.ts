import { type Key, keyOf, type Pod, type PodTransitionRule } from '@kuperator/api';

/**
 * The rule objects whose status names a Pod as a target, found by the Pod: of a Pod that has left the selection unseen, for instance while
 * the watch was interrupted, only the status still speaks. An index of the informer would compare thousands of targets with each other at
 * each write of a status; both lists are sorted, so one walk over them finds what has changed.
 */
export class TargetIndex {
  readonly #rulesOf = new Map<Key, Set<Key>>();

  /** Takes in a change of a rule object: undefined stands for one that did not exist, or exists no longer. */
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
