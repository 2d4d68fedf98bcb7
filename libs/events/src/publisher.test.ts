import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Outgoing } from './envelope.ts';
import { Publisher } from './publisher.ts';
import { permitted } from './test/facts.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A publisher on a wire that only remembers what was sent. */
function aPublisher({ maxInFlight = 10, up = true } = {}) {
  const sent: { name: string; ack: number | undefined }[] = [];
  const lines: string[] = [];
  const wire = {
    up,
    flush: async () => {},
    isUp: () => wire.up,
    publish: (subject: string, _body: string, _id: string, _type: string, ack?: number) => {
      sent.push({ name: subject, ack });
    },
  };
  const publisher = new Publisher({
    wire,
    queueLimit: 100,
    maxInFlight,
    onPublished: (event) => lines.push(`published ${event.name}`),
    onDropped: (reason, event) => lines.push(`${reason} ${event.name}`),
    onQueue: () => {},
    onDoubt: () => lines.push('doubt'),
  });
  const push = (...indexes: number[]) => {
    for (const index of indexes) publisher.push(permitted(index), { subject: `s${index}`, id: `${index}` } as Outgoing);
  };
  const names = () => sent.splice(0).map(({ name }) => name);
  return { publisher, wire, sent, names, lines, push };
}
const turn = () => vi.advanceTimersByTimeAsync(0);

test('sends the events of a pass together, and no more unconfirmed events than allowed', async () => {
  const { publisher, push, names } = aPublisher({ maxInFlight: 2 });
  publisher.setMode('jetstream');
  push(0, 1, 2);
  expect(names()).toEqual([]);
  await turn();
  expect(names()).toEqual(['s0', 's1']);
  publisher.onAck(0, 'stored');
  await turn();
  expect(names()).toEqual(['s2']);
});

test('after a broken connection, sends unconfirmed events again, before later ones', async () => {
  const { publisher, push, names, lines } = aPublisher();
  publisher.setMode('jetstream');
  push(0, 1);
  await turn();
  publisher.onAck(1, 'stored');
  publisher.setMode('none');
  push(2);
  await turn();
  names();
  publisher.setMode('jetstream');
  await turn();
  expect(names()).toEqual(['s0', 's2']);
  expect(lines).toEqual(['published web-1']);
});

test('drops an event that the stream will never accept, and continues', async () => {
  const { publisher, push, lines } = aPublisher();
  publisher.setMode('jetstream');
  push(0, 1);
  await turn();
  publisher.onAck(0, { code: 400, description: 'message size exceeds maximum allowed' });
  publisher.onAck(1, 'stored');
  expect(lines).toEqual(['rejected web-0', 'published web-1']);
  expect(publisher.length).toBe(0);
});

test('pauses while the stream cannot accept events, instead of using up all attempts at once', async () => {
  const { publisher, push, names, sent, lines } = aPublisher();
  publisher.setMode('jetstream');
  push(0);
  await turn();
  publisher.onAck(0, { code: 503, description: 'no leader' });
  names();
  await turn();
  expect(names()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toHaveLength(1);
  publisher.onAck(0, 'stored');
  expect(lines).toEqual(['published web-0']);
});

test('waits until the stream is looked up again if no stream stores the subject', async () => {
  const { publisher, push, names, lines } = aPublisher();
  publisher.setMode('jetstream');
  push(0);
  await turn();
  names();
  publisher.onAck(0, 'noStream');
  await vi.advanceTimersByTimeAsync(2_000);
  expect([names(), lines]).toEqual([[], ['doubt']]);
  publisher.setMode('core');
  await turn();
  expect([names(), lines.at(-1)]).toEqual([['s0'], 'published web-0']);
});

test('sends unacknowledged events again, a limited number of times', async () => {
  const { publisher, push, names, lines } = aPublisher();
  publisher.setMode('jetstream');
  push(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(names()).toHaveLength(5);
  expect(lines.at(-2)).toBe('rejected web-0');
});

test('without a stream, a round trip confirms the batch', async () => {
  const { publisher, push, sent, lines } = aPublisher();
  publisher.setMode('core');
  push(0, 1);
  await turn();
  expect(sent.map(({ ack }) => ack)).toEqual([undefined, undefined]);
  expect(lines).toEqual(['published web-0', 'published web-1']);
});

test('flush waits for everything published before it, and reports if the time was too short', async () => {
  const { publisher, push } = aPublisher();
  publisher.setMode('jetstream');
  push(0);
  const enough = publisher.flush(1_000);
  const short = publisher.flush(10);
  push(1);
  await vi.advanceTimersByTimeAsync(20);
  expect(await short).toBe(false);
  publisher.onAck(0, 'stored');
  expect(await enough).toBe(true);
});

test('reports the events that it dropped when it stops', async () => {
  const { publisher, push, lines } = aPublisher({ up: false });
  push(0, 1);
  await turn();
  publisher.stop();
  expect(lines).toEqual(['stopped web-0', 'stopped web-1']);
});
