import { type Condition, type Pod, SERVICE_READY_GATE, SERVICE_READY_MESSAGE } from '@kuperator/api';
import { PROGRESSING } from '@kuperator/holders';
import { isEmpty, podStateOf, type Settled } from '@kuperator/lifecycle';
import type { ObjectChange } from '@kuperator/runtime';
import { type Explanation, NOTHING_TO_EXPLAIN } from './explain.ts';

/** The one API write that brings a Pod to its settled state. */
export type PodWrite = {
  readonly change: ObjectChange;
  /** What the write is made for. Changes of the other kinds join it. */
  readonly changed: 'gate' | 'labels' | 'explanation';
};

/**
 * The write for `settled` and its explanation; undefined if there is nothing to write. Gate and labels go in one patch of pods/status, where
 * the API server resets only the spec and the owner references, so that no reader sees the one without the other.
 * @param now RFC 3339, for the gate's lastTransitionTime
 */
export function writeFor(
  pod: Pod,
  { settled, now, explanation = NOTHING_TO_EXPLAIN }: { settled: Settled; now: string; explanation?: Explanation },
): PodWrite | undefined {
  const changed = settled.gate ? 'gate' : !isEmpty(settled.labels) ? 'labels' : 'explanation';
  if (changed === 'explanation' && !explanation.isDue) return undefined;
  const { labels, guards } = settled;
  const { annotations, condition } = explanation;
  const metadata = { labels, ...(isEmpty(annotations) ? {} : { annotations }) };
  const precondition = isFirstOpening(pod, settled, explanation) ? 'uid' : 'version';
  // Changed labels need no write of the status: a condition that is not due waits for a write that has one.
  if (!settled.gate && !explanation.isDue)
    return { changed, change: { type: 'merge', body: { metadata }, precondition } };
  const conditions = [
    ...(settled.gate ? [gateCondition(settled.gate, now)] : []),
    ...(condition ? [condition] : []),
    ...(condition === null ? [{ $patch: 'delete', type: PROGRESSING }] : []),
  ];
  // A strategic merge patch merges conditions by type and finalizers by name, so those of the kubelet and of others stay as they are.
  const body = { metadata: { ...metadata, ...(guards ? { finalizers: guards } : {}) }, status: { conditions } };
  return { changed, change: { type: 'strategic', subresource: 'status', body, precondition } };
}

function gateCondition(status: 'True' | 'False', now: string): Condition {
  return { type: SERVICE_READY_GATE, status, message: SERVICE_READY_MESSAGE, lastTransitionTime: now };
}

/**
 * Whether the write opens the gate of a new Pod and does nothing else. Such a write does not require the version: scheduler and kubelet write
 * the Pod in the same moments, and almost every patch would fail once (measured: 0.9 conflicts per Pod). The version is not needed, because
 * only the Pod's one coordinator writes the gate, and that coordinator reads its own writes. If a coordinator has lost the Pod and its
 * patch arrives late, the new owner closes the gate again as soon as it sees it.
 */
function isFirstOpening(pod: Pod, settled: Settled, { condition, annotations }: Explanation): boolean {
  const explains = condition !== undefined || !isEmpty(annotations);
  return settled.gate === 'True' && podStateOf(pod).gate === undefined && isEmpty(settled.labels) && !explains;
}
