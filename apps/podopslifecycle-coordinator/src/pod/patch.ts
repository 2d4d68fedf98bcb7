import { type Pod, SERVICE_READY_GATE, SERVICE_READY_MESSAGE } from '@kuperator/api';
import { isEmpty, podStateOf, type Settled } from '@kuperator/lifecycle';
import type { Patch } from '@kuperator/runtime';

/** One API write that brings a Pod to its settled state. */
export type PodWrite = { readonly patch: Patch; readonly subresource?: 'status' };

/**
 * The write for `settled`; undefined when there is nothing to write. Gate and labels go in one patch of pods/status: the
 * API server resets only spec and owner references there, so no reader ever sees the one without the other.
 * @param now RFC 3339, for the condition's lastTransitionTime
 */
export function writeFor(pod: Pod, settled: Settled, now: string): PodWrite | undefined {
  const { uid, resourceVersion } = pod.metadata;
  // The version makes a decision from a stale cache fail with 409 instead of being applied to another state.
  const metadata = isFirstOpening(pod, settled) ? { uid } : { uid, resourceVersion };
  if (settled.gate === undefined) {
    if (isEmpty(settled.labels)) return undefined;
    return { patch: { type: 'merge', body: { metadata: { ...metadata, labels: settled.labels } } } };
  }
  const condition = {
    type: SERVICE_READY_GATE,
    status: settled.gate,
    message: SERVICE_READY_MESSAGE,
    lastTransitionTime: now,
  };
  return {
    subresource: 'status',
    // Strategic, since conditions merge by type: the kubelet's own stay as they are.
    patch: {
      type: 'strategic',
      body: { metadata: { ...metadata, labels: settled.labels }, status: { conditions: [condition] } },
    },
  };
}

/**
 * The gate of a new Pod, opened for the first time. Scheduler and kubelet write the Pod in the same moments, and a version
 * would make almost every such patch fail once (seen: 0.9 refusals a Pod). It is not needed here: a gate that was never
 * written can have been turned by nobody but the Pod's one coordinator, and that one reads its own writes. Should the patch
 * of a coordinator that has lost the Pod meanwhile arrive ever so late, the new one closes the gate again at sight.
 */
function isFirstOpening(pod: Pod, settled: Settled): boolean {
  return settled.gate === 'True' && podStateOf(pod).gate === undefined && isEmpty(settled.labels);
}
