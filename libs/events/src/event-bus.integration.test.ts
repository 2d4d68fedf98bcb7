import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KuperatorEvent } from './catalog.ts';
import { createEventBus } from './event-bus.ts';
import { NatsConnection } from './nats-connection.ts';
import type { EventBus, EventBusOptions, EventMeta } from './options.ts';
import { readEvents } from './read-events.ts';
import { aRecord, permitted } from './test/facts.ts';
import { type NatsServer, natsServer, until } from './test/nats-server.ts';

const running: { stop(): Promise<void> }[] = [];
let server: NatsServer;

/** A started bus on `server`, and what happened to it. */
function aBus(options: Partial<EventBusOptions> = {}) {
  const record = aRecord();
  const bus = createEventBus({ url: server.url, cluster: 'test', source: 'a-controller', ...record.hooks, ...options });
  bus.start();
  running.push(bus);
  return { ...record, bus, warnings: () => record.lines.filter(({ level }) => level === 'warn') };
}

async function connected(bus: EventBus): Promise<void> {
  await until(() => bus.state() === 'connected', 'the bus to connect');
}

async function stored(): Promise<string[]> {
  const names: string[] = [];
  for await (const { event } of readEvents({ url: server.url, history: { fromSequence: 1 }, follow: false }))
    names.push(event.name);
  return names;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const namesOf = (indexes: readonly number[]) => indexes.map((index) => `web-${index}`);

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await server.remove();
});

describe('with JetStream', () => {
  beforeEach(async () => {
    server = await natsServer();
    await server.start();
  });

  test('published events are stored once, in order, and reach the subscribers', async () => {
    const { bus, published } = aBus();
    const heard: { event: KuperatorEvent; meta: EventMeta }[] = [];
    const listener = aBus({ source: 'a-listener' });
    await connected(listener.bus);
    listener.bus.subscribe({ kind: 'pod', event: 'operation.*', namespace: 'shop' }, (event, meta) =>
      heard.push({ event, meta }),
    );
    listener.bus.subscribe({ kind: 'collaset' }, () => expect.fail('heard a Pod event as a CollaSet one'));
    await until(() => listener.bus.flush(), 'the subscription to be made');
    for (const index of [0, 1, 2, 1]) bus.publish(permitted(index));
    expect(await bus.flush()).toBe(true);
    expect(await stored()).toEqual(namesOf([0, 1, 2]));
    expect(published).toEqual(namesOf([0, 1, 2, 1]));
    await until(() => heard.length === 4, 'the listener to hear');
    expect(heard[0]?.event).toMatchObject({ event: 'operation.permitted', name: 'web-0', data: { uid: 'uid-0' } });
    expect(heard[0]?.meta).toMatchObject({ source: 'a-controller', cluster: 'test' });
  });

  test('a lost connection loses and duplicates no event', async () => {
    const { bus, dropped, states } = aBus();
    const all = numbers(0, 3_000);
    for (const index of all) {
      bus.publish(permitted(index));
      if (index % 50 === 49) await new Promise(setImmediate);
      // With events in flight: some of them stored and not yet acknowledged.
      if (index === 1_000) await server.stop('SIGKILL');
      if (index === 2_000) await server.start();
    }
    expect(await bus.flush(20_000)).toBe(true);
    expect(await stored()).toEqual(namesOf(all));
    expect(dropped).toEqual([]);
    expect(states).toEqual(['disconnected', 'connected', 'disconnected', 'connected']);
  });

  test('subscriptions come back with the connection', async () => {
    const { bus } = aBus();
    const heard: string[] = [];
    const end = bus.subscribe({ kind: 'pod' }, ({ name }) => heard.push(name));
    await connected(bus);
    await server.stop('SIGTERM');
    await until(() => bus.state() === 'disconnected', 'the bus to notice');
    await server.start();
    bus.publish(permitted(7));
    await until(() => heard.length > 0, 'the event to be heard');
    end();
    bus.publish(permitted(8));
    expect(await bus.flush()).toBe(true);
    expect(heard).toEqual(['web-7']);
  });

  test('if the server is unavailable at the start, the bus waits for it and then sends what was published meanwhile', async () => {
    await server.stop();
    const { bus, warnings } = aBus();
    for (const index of numbers(0, 5)) bus.publish(permitted(index));
    await until(() => warnings().length > 0, 'the absence to be said');
    expect(await bus.flush(700)).toBe(false);
    expect(warnings()).toHaveLength(1); // several attempts have failed by now
    await server.start();
    expect(await bus.flush(20_000)).toBe(true);
    expect(await stored()).toEqual(namesOf(numbers(0, 5)));
  });

  test('a full queue drops the oldest facts, counts each and logs it once', async () => {
    await server.stop();
    const { bus, dropped, warnings } = aBus({ queueLimit: 10 });
    for (const index of numbers(0, 25)) bus.publish(permitted(index));
    expect(dropped).toEqual(numbers(0, 15).map((index) => ({ reason: 'overflow', name: `web-${index}` })));
    expect(warnings().filter(({ message }) => message.includes('queue is full'))).toHaveLength(1);
    await server.start();
    expect(await bus.flush(20_000)).toBe(true);
    expect(await stored()).toEqual(namesOf(numbers(15, 25)));
  });

  test('invalid messages are dropped and counted, and the next event is received', async () => {
    const { bus, rejected, warnings, lines } = aBus();
    await connected(bus);
    const heard: string[] = [];
    bus.subscribe({}, ({ name }) => {
      heard.push(name);
      if (name === 'web-1') throw new Error('a handler that fails');
    });
    await bus.flush();
    let forger: NatsConnection | undefined;
    await new Promise<void>((resolve) => {
      forger = new NatsConnection({ url: server.url }, 'forger', {
        onUp: resolve,
        onDown() {},
        onAck() {},
        onDenied() {},
        onError() {},
      });
      forger.start();
      running.push({ stop: () => forger?.stop(1_000) ?? Promise.resolve() });
    });
    const forge = (body: string) =>
      forger?.publish('kuperator.v1.test.shop.pod.web-0.operation.permitted', body, 'x', 'application/json');
    forge('{');
    forge('{"specversion":"1.0"}');
    forge('{');
    await forger?.flush();
    bus.publish(permitted(1));
    bus.publish(permitted(2));
    await until(() => heard.length === 2, 'the valid events to be heard');
    expect(heard).toEqual(['web-1', 'web-2']);
    expect(rejected).toHaveLength(3);
    expect(warnings()).toHaveLength(2); // one for each way of being wrong
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('the first operator creates the stream without a conflict, and a later one changes only what its settings name', async () => {
    const both = [aBus({ stream: { maxBytes: 1_000_000 } }), aBus({ source: 'b', stream: { maxBytes: 1_000_000 } })];
    for (const { bus } of both) {
      bus.publish(permitted(0));
      expect(await bus.flush()).toBe(true);
    }
    expect(both.flatMap(({ warnings }) => warnings())).toEqual([]);
    const third = aBus({ source: 'c', stream: { maxAgeMs: 3_600_000 } });
    third.bus.publish(permitted(1));
    expect(await third.bus.flush()).toBe(true);
    expect(third.lines.find(({ fields }) => fields.did === 'updated')).toBeDefined();
    expect(await stored()).toEqual(namesOf([0, 1]));
  });

  test('stop sends what is queued, and nothing afterwards', async () => {
    const { bus, dropped } = aBus();
    await connected(bus);
    for (const index of numbers(0, 500)) bus.publish(permitted(index));
    await bus.stop();
    bus.publish(permitted(500));
    expect(await stored()).toEqual(namesOf(numbers(0, 500)));
    expect(dropped).toEqual([{ reason: 'stopped', name: 'web-500' }]);
  });

  test('stop ends in time even if the server is unavailable', async () => {
    await server.stop();
    const { bus } = aBus();
    bus.publish(permitted(0));
    const begun = performance.now();
    await bus.stop(1_000);
    expect(performance.now() - begun).toBeLessThan(1_500);
  });

  test('an invalid event is dropped, or thrown if a test asks for that', async () => {
    const invalid = { ...permitted(0), name: 'NOT_A_NAME' };
    const { bus, dropped } = aBus();
    bus.publish(invalid);
    expect(dropped).toEqual([{ reason: 'invalid', name: 'NOT_A_NAME' }]);
    expect(() => aBus({ onInvalid: 'throw' }).bus.publish(invalid)).toThrow(/not a Kubernetes name/);
  });
});

test('without JetStream, events reach the subscribers, and the log says once that they are not stored', async () => {
  server = await natsServer({ jetstream: false });
  await server.start();
  const { bus, warnings, published } = aBus();
  const heard: string[] = [];
  bus.subscribe({}, ({ name }) => heard.push(name));
  await connected(bus);
  for (const index of numbers(0, 600)) bus.publish(permitted(index));
  expect(await bus.flush()).toBe(true);
  expect(published).toHaveLength(600);
  await until(() => heard.length === 600, 'all to be heard');
  expect(warnings().map(({ message }) => message)).toEqual(['events are published without history']);
});

test('a bus without a url does nothing', async () => {
  server = await natsServer({ jetstream: false });
  const { bus } = aBus({ url: '' });
  bus.publish(permitted(0));
  expect([bus.state(), await bus.flush()]).toEqual(['off', true]);
});
