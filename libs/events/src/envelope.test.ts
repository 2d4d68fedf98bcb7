import { describe, expect, test } from 'vitest';
import { catalog, type KuperatorEvent } from './catalog.ts';
import { type Outgoing, outgoingFor, parseMessage } from './envelope.ts';
import { samples } from './test/samples.ts';

const stamp = {
  cluster: 'c.1',
  source: 'a-controller',
  time: '2026-01-02T03:04:05.678Z',
  sequence: '1'.padStart(20, '0'),
};
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

function sent(event: KuperatorEvent): Outgoing {
  const outgoing = outgoingFor(event, stamp);
  if (typeof outgoing === 'string') throw new Error(outgoing);
  return outgoing;
}
const permitted = sampleOf('operation.permitted');
function sampleOf(event: string): KuperatorEvent {
  const found = samples.find((sample) => sample.event === event);
  if (!found) throw new Error(`no sample of ${event}`);
  return found;
}

test('there is a sample of every declared event', () => {
  expect(samples.map(({ kind, event }) => `${kind}.${event}`)).toEqual(
    catalog().map(({ kind, event }) => `${kind}.${event}`),
  );
});

test('event names are unique across kinds, so that a handler can derive the type of the data from the name', () => {
  expect(new Set(catalog().map(({ event }) => event)).size).toBe(catalog().length);
});

test('an event is sent as a CloudEvent in structured mode', () => {
  expect(sent(permitted)).toEqual({
    subject: 'kuperator.v1.c_1.shop.pod.web-0.operation.permitted',
    id: permitted.id,
    envelope: {
      specversion: '1.0',
      id: permitted.id,
      source: 'a-controller',
      type: 'io.kusionstack.kuperator.pod.operation.permitted.v1',
      subject: '/namespaces/shop/pods/web-0',
      time: stamp.time,
      datacontenttype: 'application/json',
      dataschema: 'urn:kusionstack:kuperator:event:pod.operation.permitted:v1',
      traceparent: permitted.traceparent,
      sequence: stamp.sequence,
      data: permitted.data,
    },
  });
});

test.each(samples)('$event is received as it was sent', (event) => {
  const { subject, envelope } = sent(event);
  const { cluster, source, time, sequence } = stamp;
  expect(parseMessage(subject, bytes(envelope))).toEqual({
    event: { ...event, time },
    meta: { subject, cluster, source, time, sequence },
  });
});

describe('at publish', () => {
  test.each(samples)('$event with an undeclared field is refused', (event) => {
    const data = { ...event.data, env: [{ name: 'PASSWORD', value: 'secret' }] };
    expect(outgoingFor({ ...event, data } as unknown as KuperatorEvent, stamp)).toBe('/data/env is not declared');
  });

  test.each([
    { what: 'nested fields', data: { operation: { id: 'a', type: 'b', token: 'x' } } },
    { what: 'a long text', data: { message: 'x'.repeat(2_000) } },
    { what: 'an unknown stage', data: { stage: 'Lunch' } },
    { what: 'no uid', data: { uid: '' } },
    { what: 'a since that is no label value', data: { since: 'a b' } },
  ])('$what in the data are refused', ({ data }) => {
    const event = { ...permitted, data: { ...permitted.data, ...data } } as KuperatorEvent;
    expect(outgoingFor(event, stamp)).toMatch(/^\/data/);
  });

  test.each([
    { name: 'a_b' },
    { namespace: '' },
    { traceparent: 'x' },
    { time: 'yesterday' },
    { event: 'nap' },
  ])('an event with %o is refused', (part) => {
    expect(outgoingFor({ ...permitted, ...part } as KuperatorEvent, stamp)).toBeTypeOf('string');
  });
});

describe('at receive', () => {
  const { subject, envelope } = sent(permitted);

  test('a field of a newer publisher is accepted', () => {
    const newer = { ...envelope, data: { ...permitted.data, mood: 'good' }, partitionkey: 'x' };
    expect(parseMessage(subject, bytes(newer))).toHaveProperty('event.data.mood', 'good');
  });

  test('an unknown event of a newer publisher is skipped without an error', () => {
    const type = 'io.kusionstack.kuperator.pod.operation.paused.v1';
    expect(parseMessage(subject, bytes({ ...envelope, type }))).toEqual({ unknown: type });
  });

  test.each([
    { what: 'not JSON', payload: '{', error: /not JSON/ },
    { what: 'not UTF-8', payload: new Uint8Array([0xff, 0xfe]), error: /not JSON/ },
    { what: 'null', payload: 'null', error: /object/ },
    { what: 'huge', payload: `"${'x'.repeat(70_000)}"`, error: /70002 bytes/ },
    { what: 'without data', payload: { ...envelope, data: undefined }, error: /data/ },
    { what: 'of another CloudEvents version', payload: { ...envelope, specversion: '2.0' }, error: /specversion/ },
    { what: 'against its schema', payload: { ...envelope, data: { uid: 'u' } }, error: /\/data/ },
    {
      what: 'about another object than its subject',
      payload: { ...envelope, subject: '/namespaces/bank/pods/web-0' },
      error: /under another subject/,
    },
    {
      what: 'of another type than its subject',
      payload: { ...envelope, type: 'io.kusionstack.kuperator.pod.operation.done.v1' },
      error: /under another subject/,
    },
  ])('a message that is $what is not an event', ({ payload, error }) => {
    const message = payload instanceof Uint8Array ? payload : bytes(payload);
    expect(parseMessage(subject, message)).toEqual({ error: expect.stringMatching(error) });
  });
});
