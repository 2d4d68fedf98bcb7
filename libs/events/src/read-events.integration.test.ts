import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEventBus } from './event-bus.ts';
import { podEvent } from './events.ts';
import type { EventBus } from './options.ts';
import { type ReadEventsOptions, readEvents } from './read-events.ts';
import { aRecord, permitted } from './test/facts.ts';
import { type NatsServer, natsServer } from './test/nats-server.ts';

let server: NatsServer;
let bus: EventBus;
let halfway: Date;

beforeAll(async () => {
  server = await natsServer();
  await server.start();
  bus = createEventBus({ url: server.url, cluster: 'test', source: 'a-controller', ...aRecord().hooks });
  bus.start();
  for (const index of [0, 1]) bus.publish(permitted(index));
  await bus.flush(20_000);
  halfway = new Date(Date.now() + 1); // the server's clock is ours; it stamps what comes from here on later
  while (Date.now() <= halfway.getTime()) await new Promise(setImmediate);
  const { data } = permitted(0);
  const metadata = { namespace: 'shop', name: 'web-0', uid: 'uid-0' };
  bus.publish(podEvent('operation.permitted', { metadata }, { ...data, since: '99' }));
  bus.publish(podEvent('traffic.on', { metadata }, { since: '99', employer: 'Service/shop/web' }));
  await bus.flush();
});
afterAll(async () => {
  await bus.stop();
  await server.remove();
});

async function all(options: Partial<ReadEventsOptions>): Promise<string[]> {
  const found: string[] = [];
  for await (const { event, meta } of readEvents({ url: server.url, follow: false, ...options })) {
    found.push(`${meta.streamSequence} ${event.name} ${event.event} ${event.data.uid}`);
  }
  return found;
}
const [first, second, third, fourth] = [
  '1 web-0 operation.permitted uid-0',
  '2 web-1 operation.permitted uid-1',
  '3 web-0 operation.permitted uid-0',
  '4 web-0 traffic.on uid-0',
];

test('last-per-subject gives a new reader the present state', async () => {
  expect(await all({ history: 'last-per-subject' })).toEqual([second, third, fourth]);
});

test('a sequence gives everything from that number on', async () => {
  expect(await all({ history: { fromSequence: 1 } })).toEqual([first, second, third, fourth]);
});

test('a time gives everything since that time', async () => {
  expect(await all({ history: { since: halfway } })).toEqual([third, fourth]);
});

test('a filter is applied by the server', async () => {
  expect(await all({ history: { fromSequence: 1 }, filter: { event: 'traffic.*' } })).toEqual([fourth]);
  expect(await all({ history: { fromSequence: 1 }, filter: { name: 'web-1' }, cluster: 'test' })).toEqual([second]);
  expect(await all({ history: { fromSequence: 1 }, cluster: 'another' })).toEqual([]);
});

test('following continues with new events until it is stopped', async () => {
  const end = new AbortController();
  const found: string[] = [];
  for await (const { event } of readEvents({ url: server.url, history: { fromSequence: 4 }, signal: end.signal })) {
    found.push(event.name);
    if (found.length === 1) bus.publish(permitted(5));
    if (found.length === 2) end.abort();
  }
  expect(found).toEqual(['web-0', 'web-5']);
});

test('a stream that does not exist is an error, not an endless wait', async () => {
  const empty = await natsServer();
  await empty.start();
  await expect(all({ url: empty.url, history: 'last-per-subject' })).rejects.toThrow(/stream not found/);
  await empty.remove();
});
