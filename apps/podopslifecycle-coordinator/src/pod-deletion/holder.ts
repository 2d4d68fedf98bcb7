import type { Pod, PodTransitionRule } from '@kuperator/api';
import { holdsOf, textOf } from '@kuperator/holders';

/** Who holds operation `id` of the Pod, in words for a person; undefined when it is not under way. */
export function holderOf(pod: Pod, id: string, rules: readonly PodTransitionRule[], nowMs: number): string | undefined {
  const hold = holdsOf(pod, { rules, nowMs }).find(({ operation }) => operation?.id === id);
  return hold && textOf(hold.holder);
}
