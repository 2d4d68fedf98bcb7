import { systemClock } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { startCloud } from '../test/cloud.ts';
import type { Group, Server } from './balancer.ts';
import { networkLoadBalancer } from './nlb.ts';

const server = (ip: string, weight = 100): Server => ({
  serverId: `eni-${ip}`,
  ip,
  port: 80,
  weight,
  type: 'eni',
  description: 'kuperator/c/ns/svc',
  isChanging: false,
});

async function withGroup(settings: { jobMs?: number; healthDelayMs?: number } = {}) {
  const { server: cloud, api, signal } = await startCloud({ settings });
  const loadBalancer = cloud.control.createLoadBalancer({ product: 'Nlb' });
  const id = cloud.control.createServerGroup({ name: 'k8s.80.tcp.web.default.c1' });
  cloud.control.createListener({ loadBalancerId: loadBalancer, port: 80, groupId: id });
  const balancer = networkLoadBalancer(api, systemClock);
  const call = { loadBalancer, signal };
  const [group] = await balancer.groups(call);
  return { cloud, balancer, call, id, group: group as Group };
}

test('the groups that listeners use are found with their names', async () => {
  const { group, id } = await withGroup();
  expect(group).toMatchObject({ id, name: 'k8s.80.tcp.web.default.c1' });
  expect(group.listeners).toHaveLength(1);
});

test('a write is over when its job is, and meanwhile the server is changing', async () => {
  const { balancer, call, id } = await withGroup({ jobMs: 500 });
  const adding = balancer.add(id, [server('10.0.0.1'), server('10.0.0.2', 0)], call);
  await expect.poll(() => balancer.servers(id, call)).toMatchObject([{ isChanging: true }, { isChanging: true }]);
  await adding;
  expect(await balancer.servers(id, call)).toEqual([server('10.0.0.1'), server('10.0.0.2', 0)]);
  await balancer.weigh(id, [server('10.0.0.2', 7)], call);
  expect((await balancer.servers(id, call)).map(({ weight }) => weight)).toEqual([100, 7]);
  await balancer.remove(id, [server('10.0.0.1')], call);
  expect(await balancer.servers(id, call)).toEqual([server('10.0.0.2', 7)]);
});

test('all pages of a group are read', async () => {
  const { cloud, balancer, call, id } = await withGroup();
  const ips = Array.from({ length: 150 }, (_, index) => `10.1.0.${index}`);
  cloud.control.addBackends(
    id,
    ips.map((ip) => ({ serverId: `eni-${ip}`, serverIp: ip, port: 80, type: 'Eni' })),
  );
  expect((await balancer.servers(id, call)).map(({ ip }) => ip)).toEqual(ips);
});

test('health is unknown at first, then as the listener sees it', async () => {
  const { cloud, balancer, call, group, id } = await withGroup({ healthDelayMs: 60_000 });
  await balancer.add(id, [server('10.0.0.1'), server('10.0.0.2')], call);
  const health = async () => {
    const of = await balancer.health([group], call);
    return [of(group, server('10.0.0.1')), of(group, server('10.0.0.2'))];
  };
  expect(await health()).toEqual(['unknown', 'unknown']);
  cloud.control.advance(61_000);
  cloud.control.setHealth({ serverIp: '10.0.0.2', health: 'abnormal' });
  expect(await health()).toEqual(['normal', 'abnormal']);
});
