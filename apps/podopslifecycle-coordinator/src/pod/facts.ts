// What happened to a Pod between two versions of it. NATS events and stage times are derived from that, whichever process wrote the Pod.

import {
  conditionOf,
  own,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  SERVICE_READY_GATE,
  stageLabel,
} from '@kuperator/api';
import { type KuperatorEvent, podEvent } from '@kuperator/events';
import { PROGRESSING } from '@kuperator/holders';
import { type Operation, operationsOf } from '@kuperator/lifecycle';

/** The operations of this operator itself, whichever replica answered the request that began them. */
const OWN: readonly string[] = [POD_DELETE_OPERATION_ID, POD_EVICT_OPERATION_ID];

/** Lifecycle events this operator publishes for the step from `before` to `after`. Pure. */
export function eventsOf(before: Pod | undefined, after: Pod): readonly KuperatorEvent[] {
  const was = new Map((before ? operationsOf(before) : []).map((operation) => [operation.id, operation]));
  const events: KuperatorEvent[] = [];
  const operations = operationsOf(after);
  for (const operation of operations) {
    const previous = was.get(operation.id);
    was.delete(operation.id);
    if (OWN.includes(operation.id) && !previous) events.push(...requestedEvent(before, after, operation));
    if (operation.stage === 'Operate' && previous?.stage !== 'Operate') {
      events.push(podEvent('operation.permitted', after, { ...about(operation), stage: 'Operate' }));
    }
  }
  for (const gone of was.values()) {
    if (gone.stage === 'Completing' || gone.stage === 'PostCheck') {
      events.push(podEvent('operation.completed', after, { ...about(gone), stage: 'Completed' }));
    }
  }
  events.push(...stalledEvent(before, after, operations));
  const gate = gateEvent(before, after, operations[0] ?? [...was.values()][0]);
  return gate ? [gate, ...events] : events;
}

/** A Pod that is seen for the first time may be in a later stage of its operation. Then the beginning was published earlier. */
function requestedEvent(before: Pod | undefined, after: Pod, operation: Operation): readonly KuperatorEvent[] {
  if (!before && operation.stage !== 'PreCheck') return [];
  const since = own(after.metadata.labels, stageLabel('operating', operation.id)) || operation.since;
  return [podEvent('operation.requested', after, { ...about(operation), stage: 'PreCheck', since })];
}

/** Published when the Pod's condition turns, for the operation that has waited longest, which is the first in its message. */
function stalledEvent(
  before: Pod | undefined,
  after: Pod,
  operations: readonly Operation[],
): readonly KuperatorEvent[] {
  const condition = conditionOf(after, PROGRESSING);
  if (condition?.status !== 'False' || (before && conditionOf(before, PROGRESSING)?.status === 'False')) return [];
  const [oldest] = operations.toSorted((a, b) => (BigInt(nanosOf(a)) < BigInt(nanosOf(b)) ? -1 : 1));
  if (!oldest) return [];
  const { reason = '', message = '' } = condition;
  const stage = oldest.stage === 'Parked' ? 'Operate' : oldest.stage;
  return [podEvent('operation.stalled', after, { ...about(oldest), stage, reason, message: message.slice(0, 1000) })];
}

/** A label that was written by hand may not be a number. */
function nanosOf({ since }: Operation): string {
  return /^\d+$/.test(since) ? since : '0';
}

function gateEvent(before: Pod | undefined, after: Pod, operation: Operation | undefined): KuperatorEvent | undefined {
  const condition = conditionOf(after, SERVICE_READY_GATE);
  // For a Pod that is seen for the first time it is not known whether its gate has turned.
  if (!before || !condition || conditionOf(before, SERVICE_READY_GATE)?.status === condition.status) return undefined;
  const since = condition.lastTransitionTime ?? '0';
  const data = operation ? { operation: about(operation).operation, since } : { since };
  return podEvent(condition.status === 'True' ? 'traffic.opening' : 'traffic.closing', after, data);
}

function about({ id, type, since }: Operation) {
  return { operation: { id, type: type ?? 'unknown' }, since };
}

export type StageTime = { readonly stage: Operation['stage']; readonly type: string; readonly seconds: number };

/**
 * The stages that operations left between the two versions, and how long they had been in them.
 * @param nowNanos Unix nanoseconds
 */
export function stagesLeft(before: Pod, after: Pod, nowNanos: bigint): readonly StageTime[] {
  const now = new Map(operationsOf(after).map((operation) => [operation.id, operation]));
  return operationsOf(before).flatMap(({ id, stage, type = 'unknown', since }) => {
    if (now.get(id)?.stage === stage || !/^\d+$/.test(since)) return [];
    const seconds = Number(nowNanos - BigInt(since)) / 1e9;
    // The times in labels come from the clocks of other processes. If clocks disagree, the time must not become negative.
    return [{ stage, type, seconds: Math.max(0, seconds) }];
  });
}
