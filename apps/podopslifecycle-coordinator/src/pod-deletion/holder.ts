import type { Pod, PodTransitionRule } from '@kuperator/api';
import { waitsOf } from '../pod/waits.ts';

/** Who holds operation `id` of the Pod, in words for a person; undefined when it is not under way. */
export function holderOf(pod: Pod, id: string, rules: readonly PodTransitionRule[]): string | undefined {
  return waitsOf(pod, rules).find(({ operation }) => operation.id === id)?.message;
}
