import { type Pod, SERVICE_READY_GATE, SERVICE_READY_MESSAGE } from '@kuperator/api';
import { isEmpty, type Settled } from '@kuperator/lifecycle';
import type { Patch } from '@kuperator/runtime';

/** One API write that brings a Pod to its settled state. */
export type PodWrite = { readonly patch: Patch; readonly subresource?: 'status' };

/**
 * The write for `settled`; undefined when there is nothing to write. Gate and labels go in one patch of pods/status: the
 * API server resets only spec and owner references there, so no reader ever sees the one without the other.
 * @param now RFC 3339, for the condition's lastTransitionTime
 */
export function writeFor(pod: Pod, settled: Settled, now: string): PodWrite | undefined {
  // The version makes a decision from a stale cache fail with 409 instead of being applied to another state.
  const metadata = { resourceVersion: pod.metadata.resourceVersion, uid: pod.metadata.uid };
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
