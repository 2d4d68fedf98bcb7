// The objects that may select a Pod are found by the labels of the Pod. So an event of a Pod costs the same in a namespace with one
// selecting object and in a namespace with a thousand, most of which select other Pods.

import type { KubeObject, LabelSelector, Pod } from '@kuperator/api';

/** Name of the informer index that {@link selectingKeys} fills and {@link maySelect} reads. */
export const SELECTING = 'selecting';

type Index = { byIndex(index: typeof SELECTING, value: string): readonly KubeObject[] };
type Found<I extends Index> = ReturnType<I['byIndex']>[number];

/**
 * Values of the index {@link SELECTING} for an object with `selector`: one label that every Pod it selects has, or, if the selector requires
 * no particular label, a value that stands for every Pod of the namespace. Of several labels it is the first by name, which does not depend
 * on the order in which the selector was written.
 * @returns no value for an object without a selector, which selects nothing
 */
export function selectingKeys({ metadata }: KubeObject, selector: LabelSelector | undefined): readonly string[] {
  if (!selector) return [];
  const [label] = Object.entries(selector.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [keyFor(metadata.namespace, label)];
}

/**
 * The objects of the Pod's namespace that may select it, each once: all that do select it, and some that share only one label with it. The
 * caller must still match the selector.
 * @throws Error if `index` was made without the index {@link SELECTING}
 */
export function maySelect<I extends Index>(index: I, { metadata }: Pod): readonly Found<I>[] {
  const labels = [undefined, ...Object.entries(metadata.labels ?? {})];
  return labels.flatMap((label) => index.byIndex(SELECTING, keyFor(metadata.namespace, label)));
}

function keyFor(namespace = '', label: readonly [string, string] | undefined): string {
  return label ? `${namespace}/${label[0]}=${label[1]}` : `${namespace}/`;
}
