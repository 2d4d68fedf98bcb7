import { type CollaSet, matchesSelector, own } from '@kuperator/api';

type Labels = Readonly<Record<string, string>>;

/** Labels for the set's claims and revisions: for each key of the selector, the label of the Pod template. */
export function selectorLabelsOf(set: CollaSet): Record<string, string> {
  const { matchLabels = {}, matchExpressions = [] } = set.spec.selector ?? {};
  const labels = set.spec.template?.metadata?.labels ?? {};
  const expressed = new Set(matchExpressions.map(({ key }) => key));
  const ofExpressions = Object.entries(labels).filter(([key]) => expressed.has(key));
  return { ...Object.fromEntries(ofExpressions), ...matchLabels };
}

/**
 * True if the labels of a claim or revision match the set's selector. Expressions count only for keys that the object has, because the Go
 * implementation copies only `matchLabels`. A match does not prove that the object belongs to the set: another set may have the same
 * selector.
 */
export function agreesWithSelector(set: CollaSet, labels: Labels = {}): boolean {
  const { selector } = set.spec;
  if (!selector) return false;
  const matchExpressions = selector.matchExpressions?.filter(({ key }) => own(labels, key) !== undefined) ?? [];
  return matchesSelector({ ...selector, matchExpressions }, labels);
}
