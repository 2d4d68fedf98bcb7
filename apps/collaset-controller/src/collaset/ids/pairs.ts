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
 * The replace pairs among the Pods: each origin and its successor, which names the origin in a label. The origin must confirm this by its
 * label `to-replace` or by the id of the successor. Otherwise a Pod that happens to have the name of a former origin would count as one.
 */
export function pairsOf(pods: readonly Pod[]): ReadonlyMap<Pod, Pod> {
  const pairs = new Map<Pod, Pod>();
  const newPods = pods.filter((pod) => pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] !== undefined);
  if (newPods.length === 0) return pairs;
  const byLabel = new Map(pods.map((pod) => [originLabelFor(pod.metadata.name ?? ''), pod]));
  for (const pod of newPods) {
    const origin = byLabel.get(pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] ?? '');
    if (!origin || origin === pod || !confirms(origin, pod)) continue;
    const other = pairs.get(origin);
    if (!other || isBetter(origin, pod, other)) pairs.set(origin, pod);
  }
  return pairs;
}

function confirms(origin: Pod, pod: Pod): boolean {
  return origin.metadata.labels?.[TO_REPLACE_LABEL] !== undefined || isNamedBy(origin, pod);
}

function isNamedBy({ metadata }: Pod, pod: Pod): boolean {
  const id = metadata.labels?.[REPLACE_PAIR_NEW_ID_LABEL];
  return id !== undefined && id === pod.metadata.labels?.[INSTANCE_ID_LABEL];
}

/** Prefers a Pod that is not terminating, then the Pod that the origin names, then the lower name. */
function isBetter(origin: Pod, a: Pod, b: Pod): boolean {
  if (isTerminating(a) !== isTerminating(b)) return isTerminating(b);
  if (isNamedBy(origin, a) !== isNamedBy(origin, b)) return isNamedBy(origin, a);
  return (a.metadata.name ?? '') < (b.metadata.name ?? '');
}
