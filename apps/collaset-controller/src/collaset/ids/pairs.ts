import {
  INSTANCE_ID_LABEL,
  isTerminating,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { originLabelFor } from './pod-name.ts';

/**
 * Replace pairs: the origin, and the new Pod that names it. The origin must know of the replacement, by its mark or by the new Pod's
 * id: a Pod that merely got the name of an origin long gone is none.
 */
export function pairsOf(pods: readonly Pod[]): ReadonlyMap<Pod, Pod> {
  const pairs = new Map<Pod, Pod>();
  const newPods = pods.filter((pod) => pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] !== undefined);
  if (newPods.length === 0) return pairs;
  const byLabel = new Map(pods.map((pod) => [originLabelFor(pod.metadata.name ?? ''), pod]));
  for (const pod of newPods) {
    const origin = byLabel.get(pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] ?? '');
    if (!origin || origin === pod || !knows(origin, pod)) continue;
    const other = pairs.get(origin);
    if (!other || isBetter(origin, pod, other)) pairs.set(origin, pod);
  }
  return pairs;
}

function knows(origin: Pod, pod: Pod): boolean {
  return origin.metadata.labels?.[TO_REPLACE_LABEL] !== undefined || isNamedBy(origin, pod);
}

function isNamedBy({ metadata }: Pod, pod: Pod): boolean {
  const id = metadata.labels?.[REPLACE_PAIR_NEW_ID_LABEL];
  return id !== undefined && id === pod.metadata.labels?.[INSTANCE_ID_LABEL];
}

/** Of several the one that lives, then the one the origin names, then always the same. */
function isBetter(origin: Pod, a: Pod, b: Pod): boolean {
  if (isTerminating(a) !== isTerminating(b)) return isTerminating(b);
  if (isNamedBy(origin, a) !== isNamedBy(origin, b)) return isNamedBy(origin, a);
  return (a.metadata.name ?? '') < (b.metadata.name ?? '');
}
