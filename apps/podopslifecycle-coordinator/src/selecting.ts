// What selects a Pod is found by the labels the Pod has, so that a pass costs the same in a namespace with one rule object
// and in one with a thousand, most of them over other Pods.

import type { KubeObject, LabelSelector, Pod } from '@kuperator/api';

/** The name of the index below. */
export const SELECTING = 'selecting';

type Index = { byIndex(index: typeof SELECTING, value: string): readonly KubeObject[] };
type Found<I extends Index> = ReturnType<I['byIndex']>[number];

/**
 * Where an object with `selector` is kept: under one label that every Pod it selects has, or with those that ask for no label
 * in particular. The first by name, which is the same for whoever wrote the selector.
 */
export function selectingKeys({ metadata }: KubeObject, selector: LabelSelector | undefined): readonly string[] {
  if (!selector) return [];
  const [label] = Object.entries(selector.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [keyFor(metadata.namespace, label)];
}

/** Objects of the Pod's namespace that may select it: all that do, and those that share but one label with these. */
export function maySelect<I extends Index>(index: I, { metadata }: Pod): readonly Found<I>[] {
  const labels = [undefined, ...Object.entries(metadata.labels ?? {})];
  return labels.flatMap((label) => index.byIndex(SELECTING, keyFor(metadata.namespace, label)));
}

function keyFor(namespace = '', label: readonly [string, string] | undefined): string {
  return label ? `${namespace}/${label[0]}=${label[1]}` : `${namespace}/`;
}
