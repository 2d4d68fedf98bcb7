import { expect, test } from 'vitest';
import { collaSetEvent, podEvent } from './events.ts';

const pod = { metadata: { namespace: 'shop', name: 'web-0', uid: 'u1' } };
const operation = { id: 'collaset', type: 'collaset-operator' };
const base = { operation, stage: 'Operate', since: '17' } as const;

test('an event id is the same for the same fact, whoever publishes it and whatever data are added', () => {
  const one = podEvent('operation.permitted', pod, base);
  const again = podEvent(
    'operation.permitted',
    pod,
    { ...base, message: 'said otherwise' },
    { time: '2026-01-01T00:00:00Z' },
  );
  expect(again.id).toBe(one.id);
});

test('an event id stays the same across releases, because consumers store the ids they have seen', () => {
  expect(podEvent('operation.permitted', pod, base).id).toBe('818ed754e954072c721bdb164d057d40');
});

test.each([
  { differs: 'event', other: podEvent('operation.started', pod, base) },
  { differs: 'uid', other: podEvent('operation.permitted', { metadata: { ...pod.metadata, uid: 'u2' } }, base) },
  {
    differs: 'operation',
    other: podEvent('operation.permitted', pod, { ...base, operation: { ...operation, id: 'x' } }),
  },
  { differs: 'stage', other: podEvent('operation.permitted', pod, { ...base, stage: 'Preparing' }) },
  { differs: 'since', other: podEvent('operation.permitted', pod, { ...base, since: '18' }) },
])('an event id differs with the $differs', ({ other }) => {
  expect(other.id).not.toBe(podEvent('operation.permitted', pod, base).id);
});

test('a step that creates Pods and a step that begins a scale-in are different facts', () => {
  const set = { metadata: { namespace: 'shop', name: 'web', uid: 's1' } };
  const step = { generation: 1, replicas: 2, current: 2 };
  expect(collaSetEvent('scaling', set, { ...step, create: 1 }).id).not.toBe(
    collaSetEvent('scaling', set, { ...step, beginScaleIn: 1 }).id,
  );
});

test('two equal steps of a CollaSet are different facts if its version differs', () => {
  const step = (resourceVersion: string) =>
    collaSetEvent(
      'scaling',
      { metadata: { namespace: 'shop', name: 'web', uid: 's1', resourceVersion } },
      { generation: 1, replicas: 2, current: 2, create: 1 },
    ).id;
  expect(step('8')).not.toBe(step('9'));
  expect(step('8')).toBe(step('8'));
});

test('the events of one operation share a trace, and each has its own span', () => {
  const events = [
    podEvent('operation.requested', pod, { ...base, stage: 'PreCheck', since: '11' }),
    podEvent('transition.decided', pod, {
      rule: { name: 'r' },
      stage: 'PreCheck',
      passed: true,
      operations: [{ id: 'collaset', since: '11' }],
    }),
    podEvent('operation.permitted', pod, base),
    podEvent('traffic.off', pod, { operation, since: '12', employer: 'Service/shop/web' }),
  ];
  const traces = new Set(events.map(({ traceparent }) => traceparent.split('-')[1]));
  const spans = new Set(events.map(({ traceparent }) => traceparent.split('-')[2]));
  expect([traces.size, spans.size]).toEqual([1, events.length]);
  expect(events[0]?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test('a trace that the caller provides is kept', () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  expect(podEvent('operation.permitted', pod, base, { traceparent }).traceparent).toBe(traceparent);
});

test('the uid is that of the object, whatever the data contain', () => {
  expect(podEvent('operation.permitted', pod, { ...base, uid: 'another' }).data.uid).toBe('u1');
});
