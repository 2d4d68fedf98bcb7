import { type KuperatorEvent, podEvent } from '@kuperator/events';
import { operationsOf } from '@kuperator/lifecycle';
import type { TrafficChange } from '@kuperator/resourceconsist';

/** Reports that a Pod's traffic from a Service is off, or on again, and the operation that caused it, if there is one. */
export function trafficEvent({ traffic, before, pod, employer, finalizer, nanos }: TrafficChange): KuperatorEvent {
  const [operation] = operationsOf(before).flatMap(({ id, type }) => (type === undefined ? [] : [{ id, type }]));
  return podEvent(`traffic.${traffic}`, pod, {
    ...(operation ? { operation } : {}),
    since: nanos,
    employer,
    finalizer,
  });
}
