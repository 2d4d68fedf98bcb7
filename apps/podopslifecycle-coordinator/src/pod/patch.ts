import { type Condition, type Pod, SERVICE_READY_GATE, SERVICE_READY_MESSAGE } from '@kuperator/api';
import { PROGRESSING } from '@kuperator/holders';
import { isEmpty, podStateOf, type Settled } from '@kuperator/lifecycle';
import type { Patch } from '@kuperator/runtime';
import { type Explanation, NOTHING_TO_EXPLAIN } from './explain.ts';

/** One API write that brings a Pod to its settled state. */
export type PodWrite = {
  readonly patch: Patch;
  readonly subresource?: 'status';
  /** What the write is made for; the others join it. */
  readonly changed: 'gate' | 'labels' | 'explanation';
};

/**
 * The write for `settled` and what explains it; undefined when there is nothing to write. Gate and labels go in one patch of
 * pods/status: the API server resets only spec and owner references there, so no reader ever sees the one without the other.
 * @param now RFC 3339, for the gate's lastTransitionTime
 */
export function writeFor(
  pod: Pod,
  settled: Settled,
  now: string,
  explanation: Explanation = NOTHING_TO_EXPLAIN,
): PodWrite | undefined {
  const changed = settled.gate ? 'gate' : !isEmpty(settled.labels) ? 'labels' : 'explanation';
  if (changed === 'explanation' && !explanation.isDue) return undefined;
  const { labels, guards } = settled;
  const { annotations, condition } = explanation;
  const metadata = {
    ...preconditions(pod, settled, explanation),
    labels,
    ...(isEmpty(annotations) ? {} : { annotations }),
  };
  // Labels alone need no status: a condition that is not due waits for a write that has one.
  if (!settled.gate && !explanation.isDue) return { changed, patch: { type: 'merge', body: { metadata } } };
  const conditions = [
    ...(settled.gate ? [gateCondition(settled.gate, now)] : []),
    ...(condition ? [condition] : []),
    ...(condition === null ? [{ $patch: 'delete', type: PROGRESSING }] : []),
  ];
  // Strategic, since conditions merge by type and finalizers by name: the kubelet's and those of others stay as they are.
  const body = { metadata: { ...metadata, ...(guards ? { finalizers: guards } : {}) }, status: { conditions } };
  return { changed, subresource: 'status', patch: { type: 'strategic', body } };
}

function gateCondition(status: 'True' | 'False', now: string): Condition {
  return { type: SERVICE_READY_GATE, status, message: SERVICE_READY_MESSAGE, lastTransitionTime: now };
}

/** The version makes a decision from a stale cache fail with 409 instead of being applied to another state. */
function preconditions(pod: Pod, settled: Settled, explanation: Explanation) {
  const { uid, resourceVersion } = pod.metadata;
  return isFirstOpening(pod, settled, explanation) ? { uid } : { uid, resourceVersion };
}

/**
 * The gate of a new Pod, opened for the first time. Scheduler and kubelet write the Pod in the same moments, and a version
 * would make almost every such patch fail once (seen: 0.9 refusals a Pod). It is not needed here: a gate that was never
 * written can have been turned by nobody but the Pod's one coordinator, and that one reads its own writes. Should the patch
 * of a coordinator that has lost the Pod meanwhile arrive ever so late, the new one closes the gate again at sight.
 */
function isFirstOpening(pod: Pod, settled: Settled, { condition, annotations }: Explanation): boolean {
  const explains = condition !== undefined || !isEmpty(annotations);
  return settled.gate === 'True' && podStateOf(pod).gate === undefined && isEmpty(settled.labels) && !explains;
}
