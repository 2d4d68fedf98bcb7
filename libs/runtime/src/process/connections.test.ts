import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Connections } from './connections.ts';

async function setup(max: number) {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => {}));
  });
  let dropped = 0;
  const connections = new Connections(server, { max, onDropped: () => dropped++ });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clients: Socket[] = [];
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  const open = async () => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
    const closed = once(client, 'close');
    clients.push(client);
    const [[atServer]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')]);
    return { client, closed, atServer };
  };
  return { connections, open, dropped: () => dropped };
}

test('a new connection beyond the limit replaces the oldest unauthenticated one', async () => {
  const { connections, open, dropped } = await setup(2);
  const [first, second] = [await open(), await open()];
  const third = await open();
  await first.closed;
  expect(connections.size).toBe(2);
  expect(dropped()).toBe(1);
  expect([second, third].map(({ atServer }) => atServer.destroyed)).toEqual([false, false]);
});

test('an authenticated connection keeps its place, even if all others are authenticated too', async () => {
  const { connections, open } = await setup(2);
  const [first, second] = [await open(), await open()];
  connections.trust(first.atServer);
  await open();
  await second.closed;
  expect(first.atServer.destroyed).toBe(false);
  const trusted = await open();
  connections.trust(trusted.atServer);
  const late = await open();
  await late.closed;
  expect([first, trusted].map(({ atServer }) => atServer.destroyed)).toEqual([false, false]);
});

test('a connection that ends frees its place', async () => {
  const { connections, open, dropped } = await setup(1);
  const { client, atServer } = await open();
  connections.trust(atServer);
  client.destroy();
  await once(atServer, 'close');
  expect(connections.size).toBe(0);
  const next = await open();
  expect(next.atServer.destroyed).toBe(false);
  expect(dropped()).toBe(0);
});
