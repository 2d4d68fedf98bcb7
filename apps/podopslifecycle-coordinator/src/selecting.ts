// Finds the objects that select a Pod by the Pod's labels. A reconcile then costs the same in a namespace with one rule object and in one with
// a thousand of them, most of which select other Pods.

import type { KubeObject, LabelSelector, Pod } from '@kuperator/api';

/** The name of the index. */
export const SELECTING = 'selecting';

type Index = { byIndex(index: typeof SELECTING, value: string): readonly KubeObject[] };
type Found<I extends Index> = ReturnType<I['byIndex']>[number];

/**
 * The keys of an object with `selector` in the index: one label that every Pod it selects has, or the key of all selectors without such a
 * label. It is the first label by name, so that the order in the selector does not matter.
 */
export function selectingKeys({ metadata }: KubeObject, selector: LabelSelector | undefined): readonly string[] {
  if (!selector) return [];
  const [label] = Object.entries(selector.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [keyFor(metadata.namespace, label)];
}

/** Objects of the Pod's namespace that may select it: all that do, and some that only have the indexed label in common with it. */
export function maySelect<I extends Index>(index: I, { metadata }: Pod): readonly Found<I>[] {
  const labels = [undefined, ...Object.entries(metadata.labels ?? {})];
  return labels.flatMap((label) => index.byIndex(SELECTING, keyFor(metadata.namespace, label)));
}

function keyFor(namespace = '', label: readonly [string, string] | undefined): string {
  return label ? `${namespace}/${label[0]}=${label[1]}` : `${namespace}/`;
}
