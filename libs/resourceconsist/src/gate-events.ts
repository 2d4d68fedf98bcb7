import { type Key, type KubeObject, keyOf } from '@kuperator/api';
import { employersOfPod, type ResourceConsistOptions } from './controller.ts';

/** The part of an event bus that is used: `@kuperator/events` has one. */
export type GateEvents = {
  subscribe(
    filter: { readonly kind: 'pod'; readonly event: string },
    onEvent: (event: { readonly namespace: string; readonly name: string }) => void,
  ): unknown;
};

/**
 * Wakes the employers of a Pod when the coordinator says that it has closed or opened the Pod's gate. Both also arrive by the watch of Pods,
 * as the condition behind the gate, but later.
 */
export function wakeOnGate<E extends KubeObject>(
  events: GateEvents,
  options: Pick<ResourceConsistOptions<E>, 'adapter' | 'employers' | 'pods'>,
  enqueue: (employer: Key) => void,
): void {
  for (const event of ['traffic.closing', 'traffic.opening']) {
    events.subscribe({ kind: 'pod', event }, ({ namespace, name }) => {
      for (const employer of employersOfPod(keyOf({ metadata: { namespace, name } }), options)) enqueue(employer);
    });
  }
}
