// What a server that is broken, or no NATS server at all, may do to an operator: nothing.
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEventBus } from './event-bus.ts';
import type { EventBus } from './options.ts';
import { aRecord, permitted } from './test/facts.ts';
import { until } from './test/nats-server.ts';

const INFO = `INFO ${JSON.stringify({ server_id: 'x', version: '2.15.0', proto: 1, headers: true, max_payload: 1_048_576 })}\r\n`;
const unhandled: unknown[] = [];
const keep = (error: unknown) => unhandled.push(error);
let server: Server | undefined;
let bus: EventBus | undefined;

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', keep);
});
afterEach(async () => {
  await bus?.stop(500);
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  process.off('unhandledRejection', keep);
});

/** A server that greets each client so, and then answers each line of it. Counts connections. */
async function rogue(greeting: string, answer: (line: string, socket: Socket) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const made = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    let rest = '';
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) answer(line, socket);
    });
    socket.write(greeting);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  server = made;
  const address = made.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `nats://127.0.0.1:${address.port}`,
    connections: () => connections,
    open: () => sockets.size,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Answers as NATS does as far as a connection needs it, and each request with `payload`. */
function answering(payload: string) {
  return (line: string, socket: Socket) => {
    if (line === 'PING') socket.write('PONG\r\n');
    const [verb, subject = '', ...more] = line.split(' ');
    // The client asks with one inbox for all: its subscription is `_INBOX_<name>.<x>.*`, its first `SUB`s are numbered from 1.
    if (verb === 'SUB') inboxes.set(subject, more.at(-1) ?? '1');
    const reply = verb === 'PUB' || verb === 'HPUB' ? more.find((word) => word.startsWith('_INBOX_')) : undefined;
    if (!reply) return;
    const sid = [...inboxes].find(([inbox]) => reply.startsWith(inbox.replace(/\*$/, '')))?.[1] ?? '1';
    socket.write(`MSG ${reply} ${sid} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
  };
}
const inboxes = new Map<string, string>();

test.each([
  { name: 'text that is not NATS', greeting: 'HTTP/1.1 400 Bad Request\r\n\r\n' },
  { name: 'an INFO that is not JSON', greeting: 'INFO {bad\r\n' },
  { name: 'an INFO that is null', greeting: 'INFO null\r\n' },
  { name: 'an INFO that is an empty object', greeting: 'INFO {}\r\n' },
  { name: 'a second INFO that is not JSON', greeting: `${INFO}INFO {bad\r\n` },
  { name: 'a second INFO that is null', greeting: `${INFO}PONG\r\nINFO null\r\n` },
  { name: 'a message without a subscription', greeting: `${INFO}PONG\r\nMSG a.b 99 2\r\nhi\r\n` },
  { name: 'a message of a negative length', greeting: `${INFO}PONG\r\nMSG a.b 1 -5\r\nhi\r\n` },
  { name: 'silence', greeting: '' },
  { name: 'zeros', greeting: '\0'.repeat(5000) },
])('a server that greets with $name counts as unavailable', async ({ greeting }) => {
  const { url, connections, drop, open } = await rogue(greeting, () => {});
  const record = aRecord();
  bus = createEventBus({ url, cluster: 'test', source: 'a-controller', ...record.hooks });
  bus.start();
  bus.publish(permitted(0));
  await until(() => connections() > 0, 'the bus to try');
  drop();
  await until(() => connections() > 1, 'the bus to try again');
  await bus.stop(500);
  await until(() => open() === 0, 'every socket to be closed');
  expect(unhandled).toEqual([]);
});

test.each([
  'null',
  '{}',
  '[]',
  '"x"',
  '{bad',
  '',
  '{"config":{}}',
  '{"config":{"subjects":null}}',
  '{"error":null}',
  '{"error":{"code":{}}}',
])('the bus keeps publishing if every JetStream request is answered with %j', async (payload) => {
  inboxes.clear();
  const { url } = await rogue(INFO, answering(payload));
  const record = aRecord();
  bus = createEventBus({ url, cluster: 'test', source: 'a-controller', ...record.hooks });
  bus.start();
  const events = bus;
  await until(() => events.state() === 'connected', 'the bus to connect');
  for (const index of [0, 1, 2]) bus.publish(permitted(index));
  await until(() => record.published.length === 3, 'the events to be confirmed by the server alone');
  expect(record.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(unhandled).toEqual([]);
});
