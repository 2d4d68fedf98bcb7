import { type LabelSelector, matchesSelector, type Pod, type PodTransitionRule } from '@kuperator/api';
import { compareText } from './stage.ts';

/** True if `rule` applies to `pod`: its selector matches, in its own namespace (D6). */
export function selects(rule: PodTransitionRule, pod: Pod): boolean {
  return rule.metadata.namespace === pod.metadata.namespace && matchesSelector(rule.spec.selector, pod.metadata.labels);
}

/** The Pods that a rule selects, by name. */
export function selectedPods(rule: PodTransitionRule, inNamespace: readonly Pod[]): readonly Pod[] {
  return inNamespace.filter((pod) => selects(rule, pod)).toSorted((a, b) => compareText(nameOf(a), nameOf(b)));
}

/** Whether the stored targets of two rule objects have a Pod in common. Both lists are sorted. */
export function shareTargets(a: PodTransitionRule, b: PodTransitionRule): boolean {
  const [ours, theirs] = [a.status?.targets ?? [], b.status?.targets ?? []];
  let [i, j] = [0, 0];
  for (;;) {
    const [mine, other] = [ours[i], theirs[j]];
    if (mine === undefined || other === undefined) return false;
    if (mine === other) return true;
    if (mine < other) i++;
    else j++;
  }
}

export function nameOf(object: { metadata: { name?: string } }): string {
  return object.metadata.name ?? '';
}

/** The first operator of the selector that Kubernetes does not know; such a selector matches nothing. */
export function malformedOperator(selector: LabelSelector | undefined): string | undefined {
  return selector?.matchExpressions?.find(({ operator }) => !OPERATORS.has(operator))?.operator;
}

const OPERATORS: ReadonlySet<string> = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);
