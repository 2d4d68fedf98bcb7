import { type CollaSet, matchesSelector, own } from '@kuperator/api';

type Labels = Readonly<Record<string, string>>;

/** Labels of the set's claims and revisions: what its Pod template says for each key of its selector. */
export function selectorLabelsOf(set: CollaSet): Record<string, string> {
  const { matchLabels = {}, matchExpressions = [] } = set.spec.selector ?? {};
  const labels = set.spec.template?.metadata?.labels ?? {};
  const expressed = new Set(matchExpressions.map(({ key }) => key));
  const ofExpressions = Object.entries(labels).filter(([key]) => expressed.has(key));
  return { ...Object.fromEntries(ofExpressions), ...matchLabels };
}

/**
 * True if the labels of a claim or revision agree with the set's selector. Expressions count only for keys that the object has,
 * since the Go implementation copies nothing but `matchLabels`. This is no proof that the object is the set's: a neighbour may have
 * the same selector.
 */
export function agreesWithSelector(set: CollaSet, labels: Labels = {}): boolean {
  const { selector } = set.spec;
  if (!selector) return false;
  const matchExpressions = selector.matchExpressions?.filter(({ key }) => own(labels, key) !== undefined) ?? [];
  return matchesSelector({ ...selector, matchExpressions }, labels);
}
