import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startBalancer } from './balancer.ts';
import { startForTest } from './test/start.ts';

const IPS = ['10.0.0.1', '10.0.0.2'];

/** A local process for each Pod, which answers each line with the address of the Pod. */
async function startPods(): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  for (const ip of IPS) {
    const server = createServer((socket) => {
      socket.on('data', () => socket.write(ip)).on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    ports.set(ip, (server.address() as AddressInfo).port);
  }
  return ports;
}

async function startWithPods(random = Math.random) {
  const { server } = await startForTest();
  const { control } = server;
  const pods = await startPods();
  const loadBalancerId = control.createLoadBalancer();
  const backends = IPS.map((serverIp) => ({ serverId: `eni-${serverIp}`, serverIp, port: 80 }));
  const groupId = control.createVServerGroup({ loadBalancerId, name: 'g', backends });
  control.createListener({ loadBalancerId, port: 80, groupId });
  const balancer = await startBalancer({ control, portOf: (ip) => pods.get(ip), random });
  onTestFinished(() => balancer.stop());
  const open = () => {
    const socket = connect(balancer.port(loadBalancerId, 80) ?? 0, '127.0.0.1').on('error', () => {});
    onTestFinished(() => {
      socket.destroy();
    });
    return socket;
  };
  const [first, second] = backends as [(typeof backends)[0], (typeof backends)[0]];
  return { control, balancer, loadBalancerId, groupId, open, first, second };
}

async function ask(socket: Socket): Promise<string> {
  socket.write('who?');
  const [data] = await once(socket, 'data');
  return String(data);
}

/** How a connection that is cut ends. */
async function cut(socket: Socket): Promise<string | undefined> {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

test('spreads new connections by weight', async () => {
  let next = 0;
  const { control, groupId, open, first } = await startWithPods(() => next);
  control.setWeight(groupId, first, 50);
  const asked = async (random: number) => {
    next = random;
    return await ask(open());
  };
  expect(await asked(0)).toBe('10.0.0.1');
  expect(await asked(0.3)).toBe('10.0.0.1');
  expect(await asked(0.4)).toBe('10.0.0.2');
  expect(await asked(0.99)).toBe('10.0.0.2');
});

test('keeps a connection at weight 0, sends new ones elsewhere, and cuts it when the backend goes', async () => {
  const { control, groupId, open, first, balancer } = await startWithPods(() => 0);
  const held = open();
  expect(await ask(held)).toBe('10.0.0.1');
  control.setWeight(groupId, first, 0);
  await balancer.refresh();
  expect(await ask(open())).toBe('10.0.0.2');
  expect(await ask(held)).toBe('10.0.0.1');

  const closed = cut(held);
  control.removeBackends(groupId, [first]);
  expect(await closed).toBe('ECONNRESET');
});

test('sends nothing to a backend that is not healthy, and refuses when there is none', async () => {
  const { control, open, first, second } = await startWithPods(() => 0);
  control.setHealth({ serverIp: first.serverIp, health: 'abnormal' });
  expect(await ask(open())).toBe('10.0.0.2');
  control.setHealth({ serverIp: second.serverIp, health: 'unavailable' });
  const refused = open();
  await once(refused, 'close');
  expect(refused.bytesRead).toBe(0);
});

test('opens and closes ports with the listeners', async () => {
  const { control, balancer, loadBalancerId, groupId, open } = await startWithPods();
  control.createListener({ loadBalancerId, port: 81, groupId });
  await vi.waitFor(() => expect(balancer.port(loadBalancerId, 81)).toBeGreaterThan(0));
  const held = open();
  await ask(held);
  const closed = cut(held);
  control.deleteLoadBalancer(loadBalancerId);
  expect(await closed).toBe('ECONNRESET');
  expect(balancer.port(loadBalancerId, 80)).toBeUndefined();
});
