// The permissions in the README, tried: each operator may do what it needs, and not what others do.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entryOf } from './catalog.ts';
import { createEventBus } from './event-bus.ts';
import { NatsConnection } from './nats-connection.ts';
import type { EventBus } from './options.ts';
import { readEvents } from './read-events.ts';
import { aRecord } from './test/facts.ts';
import { type NatsServer, natsServer, until } from './test/nats-server.ts';
import { samples } from './test/samples.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const conf = (/```conf\n(.*?)```/s.exec(readme)?.[1] ?? '').replaceAll(/\$\w+_PASSWORD/g, 'secret');
const buses: EventBus[] = [];
let server: NatsServer;

beforeAll(async () => {
  server = await natsServer({ extra: conf });
  await server.start();
  const { bus } = busOf('podopslifecycle-coordinator'); // the one that may make the stream
  await until(() => bus.state() === 'connected', 'the coordinator to connect');
});
afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.stop()));
  await server.remove();
});

function busOf(operator: string) {
  const record = aRecord();
  const access = { url: server.url, user: operator, password: 'secret' };
  const bus = createEventBus({ ...access, cluster: 'default', source: operator, ...record.hooks });
  buses.push(bus);
  bus.start();
  return { ...record, bus };
}

const rolesOf = ({ kind, event }: { kind: string; event: string }) => {
  const declaration = entryOf(kind, event)?.declaration;
  return { publishers: declaration?.publishers ?? [], wakes: declaration?.wakes ?? [] };
};

describe.each([
  'podopslifecycle-coordinator',
  'collaset-controller',
  'podtransitionrule-engine',
  'endpointslice-adapter',
])('%s', (operator) => {
  test('may publish its own events into the stream, and no others', async () => {
    const { bus, dropped, published, lines } = busOf(operator);
    for (const event of samples) bus.publish(event);
    expect(await bus.flush()).toBe(true);
    const own = samples.filter((event) => rolesOf(event).publishers.includes(operator));
    expect(own.length).toBeGreaterThan(0);
    expect(published).toEqual(own.map(({ name }) => name));
    expect(dropped).toHaveLength(samples.length - own.length);
    expect(lines.map(({ message }) => message)).not.toContain('events are published without history');
  });

  test('may listen to the events that wake it, and no others', async () => {
    const { bus, lines } = busOf(operator);
    await until(() => bus.state() === 'connected', 'the bus to connect');
    for (const { kind, event } of samples) bus.subscribe({ kind, event }, () => {});
    const refused = () => lines.flatMap(({ fields }) => /subscribe to (\S+)/.exec(String(fields.reason))?.[1] ?? []);
    const others = samples.filter((event) => !rolesOf(event).wakes.includes(operator));
    await until(() => refused().length >= others.length, 'the refusals');
    expect(refused().toSorted()).toEqual(
      others.map(({ kind, event }) => `kuperator.v1.default.*.${kind}.*.${event}`).toSorted(),
    );
  });
});

test('a reader sees everything and publishes nothing', async () => {
  const access = { url: server.url, user: 'reader', password: 'secret' };
  const seen = new Set<string>();
  for await (const { event } of readEvents({ ...access, history: 'last-per-subject', follow: false }))
    seen.add(event.event);
  expect(seen).toEqual(new Set(samples.map(({ event }) => event)));
  const { bus, dropped } = busOf('reader');
  for (const event of samples) bus.publish(event);
  expect(await bus.flush()).toBe(true);
  expect(dropped).toHaveLength(samples.length);
});

test('a reader cannot read the answers to others', async () => {
  const { bus, lines } = busOf('collaset-controller');
  const connection = new NatsConnection({ url: server.url, user: 'reader', password: 'secret' }, 'reader', {
    onUp: () => {},
    onDown: () => {},
    onAck: () => {},
    onError: () => {},
    onDenied: (operation, subject) => denied.push(`${operation} ${subject}`),
  });
  const denied: string[] = [];
  const read: string[] = [];
  connection.start();
  await until(() => connection.isUp(), 'the reader to connect');
  for (const inbox of ['_INBOX.>', '_INBOX_collaset-controller.>']) {
    connection.subscribe(inbox, (subject) => read.push(subject));
    await until(() => denied.includes(`subscribe ${inbox}`), `${inbox} to be refused`);
  }
  for (const event of samples) bus.publish(event);
  expect(await bus.flush()).toBe(true);
  expect(read).toEqual([]);
  expect(lines.map(({ message }) => message)).not.toContain('events are published without history');
  await connection.stop(1000);
});
