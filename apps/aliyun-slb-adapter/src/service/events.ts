import { type KuperatorEvent, podEvent } from '@kuperator/events';
import { operationsOf } from '@kuperator/lifecycle';
import type { TrafficChange } from '@kuperator/resourceconsist';

/** A Pod's traffic from a Service is off, or on again; for the operation, if any, that it was moved for. */
export function trafficEvent({ traffic, before, pod, employer, finalizer, nanos }: TrafficChange): KuperatorEvent {
  const [operation] = operationsOf(before).flatMap(({ id, type }) => (type === undefined ? [] : [{ id, type }]));
  return podEvent(`traffic.${traffic}`, pod, {
    ...(operation ? { operation } : {}),
    since: nanos,
    employer,
    finalizer,
  });
}
