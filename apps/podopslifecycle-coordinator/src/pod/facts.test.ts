import { type Condition, type Pod, SERVICE_READY_GATE, stageLabel } from '@kuperator/api';
import { createEventBus, type KuperatorEvent } from '@kuperator/events';
import { PROGRESSING } from '@kuperator/holders';
import { describe, expect, test } from 'vitest';
import { eventsOf, stagesLeft } from './facts.ts';

function pod(labels: Record<string, string>, gate?: 'True' | 'False'): Pod {
  const conditions: Condition[] = gate
    ? [{ type: SERVICE_READY_GATE, status: gate, lastTransitionTime: '2026-01-01T00:00:00Z' }]
    : [];
  return {
    metadata: { name: 'a', namespace: 'default', uid: 'uid-a', labels },
    spec: { containers: [] },
    status: { conditions },
  };
}

const operating = { [stageLabel('operating', 'c')]: '1', [stageLabel('operation-type', 'c')]: 'update' };
const preCheck = { ...operating, [stageLabel('pre-check', 'c')]: '1000000000' };
const operate = { ...operating, [stageLabel('pre-checked', 'c')]: '2', [stageLabel('operate', 'c')]: '3' };
const completing = {
  [stageLabel('operated', 'c')]: '4',
  [stageLabel('done-operation-type', 'c')]: 'update',
  [stageLabel('completing', 'c')]: '5',
};

const begun = (id: string, labels: Record<string, string> = {}) => ({
  [stageLabel('operating', id)]: '7',
  [stageLabel('operation-type', id)]: 'delete',
  ...labels,
});
const deleting = begun('pod-delete', { [stageLabel('pre-check', 'pod-delete')]: '7' });
const evicting = begun('pod-evict', { [stageLabel('pre-check', 'pod-evict')]: '7' });
const deletable = begun('pod-delete', {
  [stageLabel('pre-checked', 'pod-delete')]: '8',
  [stageLabel('operate', 'pod-delete')]: '9',
});

/** It is never started: it checks what is published and sends nothing. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const bus = createEventBus({
  url: 'nats://127.0.0.1:4222',
  cluster: 'test',
  source: 'podopslifecycle-coordinator',
  logger: silent,
  onInvalid: 'throw',
});

const names = (before: Pod | undefined, after: Pod) => eventsOf(before, after).map(({ event }) => event);

describe('eventsOf', () => {
  test.each([
    {
      name: 'a permission',
      before: pod(preCheck, 'True'),
      after: pod(operate, 'False'),
      events: ['traffic.closing', 'operation.permitted'],
    },
    { name: 'nothing if nothing has changed', before: pod(operate, 'False'), after: pod(operate, 'False'), events: [] },
    {
      name: 'the gate opening',
      before: pod(operate, 'False'),
      after: pod(completing, 'True'),
      events: ['traffic.opening'],
    },
    { name: 'the end', before: pod(completing, 'True'), after: pod({}, 'True'), events: ['operation.completed'] },
    { name: 'no end if an operation was cancelled', before: pod(preCheck, 'True'), after: pod({}, 'True'), events: [] },
    {
      name: 'a permission found after a restart',
      before: undefined,
      after: pod(operate, 'False'),
      events: ['operation.permitted'],
    },
    {
      name: 'a deletion that began, on any replica',
      before: pod({}, 'True'),
      after: pod(deleting, 'True'),
      events: ['operation.requested'],
    },
    { name: 'an eviction that began', before: pod({}, 'True'), after: pod(evicting), events: ['operation.requested'] },
    {
      name: 'a deletion that began and was permitted between two versions',
      before: pod({}, 'True'),
      after: pod(deletable, 'False'),
      events: ['traffic.closing', 'operation.requested', 'operation.permitted'],
    },
    {
      name: 'the beginning of a deletion only once',
      before: pod(deleting),
      after: pod(deletable),
      events: ['operation.permitted'],
    },
    {
      name: 'a deletion that waits after a restart',
      before: undefined,
      after: pod(deleting),
      events: ['operation.requested'],
    },
    { name: 'no beginning of an operation of another operator', before: pod({}), after: pod(preCheck), events: [] },
  ])('publishes $name, each event as its schema requires', ({ before, after, events }) => {
    expect(names(before, after)).toEqual(events);
    for (const event of eventsOf(before, after)) expect(() => bus.publish(event)).not.toThrow();
  });

  test('the beginning of a deletion names the operation, and the time in its label', () => {
    expect(eventsOf(pod({}), pod(deleting))[0]).toMatchObject({
      data: { uid: 'uid-a', operation: { id: 'pod-delete', type: 'delete' }, stage: 'PreCheck', since: '7' },
    });
  });

  test('the bus refuses an event that breaks its schema', () => {
    const [event] = eventsOf(pod({}), pod(deleting));
    const broken = { ...event, data: { ...event?.data, since: 'a secret' } } as KuperatorEvent;
    expect(() => bus.publish(broken)).toThrow();
  });

  test('publishes once that the operation that has waited longest is stalled, and its holder', () => {
    const stalled = (labels: Record<string, string>): Pod => {
      const condition = {
        type: PROGRESSING,
        status: 'False' as const,
        reason: 'Stalled',
        message: 'update c waits for …',
      };
      return { ...pod(labels), status: { conditions: [condition] } };
    };
    const later = { [stageLabel('operating', 'a')]: '9', [stageLabel('operation-type', 'a')]: 'Restart' };
    const [event, ...others] = eventsOf(
      pod({ ...later, ...preCheck }),
      stalled({ ...later, ...preCheck, [stageLabel('pre-check', 'a')]: '2000000000' }),
    );
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      event: 'operation.stalled',
      data: { operation: { id: 'c' }, stage: 'PreCheck', since: '1000000000', message: 'update c waits for …' },
    });
    expect(names(stalled(preCheck), stalled(preCheck))).toEqual([]);
  });

  test('gives an event the same id when it is published again', () => {
    const [first] = eventsOf(pod(completing, 'True'), pod({}, 'True'));
    const [again] = eventsOf(pod(completing, 'True'), pod({ other: 'label' }, 'True'));
    expect(first?.id).toBe(again?.id);
  });
});

describe('stagesLeft', () => {
  test('measures the stage that an operation left', () => {
    const left = stagesLeft(pod(preCheck), pod(operate), 3_500_000_000n);
    expect(left).toEqual([{ stage: 'PreCheck', type: 'update', seconds: 2.5 }]);
  });

  test('never reports a negative time when clocks disagree', () => {
    expect(stagesLeft(pod(preCheck), pod({}), 0n)[0]?.seconds).toBe(0);
  });
});
