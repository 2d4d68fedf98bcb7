import { defaultGroupId } from '@kuperator/aliyun-slb-server';
import { expect, test } from 'vitest';
import { startCloud } from '../test/cloud.ts';
import { DEFAULT_GROUP, type Group, type Server } from './balancer.ts';
import { classicLoadBalancer } from './clb.ts';

const server = (ip: string, more: Partial<Server> = {}): Server => ({
  serverId: `eni-${ip}`,
  ip,
  port: 8080,
  weight: 100,
  type: 'eni',
  description: 'kuperator/c/ns/svc',
  isChanging: false,
  ...more,
});

async function withBalancer() {
  const { server: cloud, api, signal } = await startCloud();
  const loadBalancer = cloud.control.createLoadBalancer();
  return { cloud, balancer: classicLoadBalancer(api), call: { loadBalancer, signal }, loadBalancer };
}

test('a group is found with its name and listeners; its servers are added, weighed and removed', async () => {
  const { cloud, balancer, call, loadBalancer } = await withBalancer();
  const id = cloud.control.createVServerGroup({ loadBalancerId: loadBalancer, name: 'k8s/80/web/default/c1' });
  cloud.control.createListener({ loadBalancerId: loadBalancer, port: 80, groupId: id });
  const groups = await balancer.groups(call);
  expect(groups[0]).toMatchObject({ id, name: 'k8s/80/web/default/c1', listeners: ['tcp:80'] });
  expect(groups.map((group) => group.id)).toEqual([id, DEFAULT_GROUP]);

  const node: Server = {
    ...server('10.0.0.3'),
    serverId: 'i-1',
    ip: undefined,
    type: 'ecs',
    port: 30_080,
    description: '',
  };
  await balancer.add(id, [server('10.0.0.1'), server('10.0.0.2', { weight: 0 }), node], call);
  expect(await balancer.servers(id, call)).toEqual([server('10.0.0.1'), server('10.0.0.2', { weight: 0 }), node]);
  await balancer.weigh(id, [server('10.0.0.2', { weight: 7 })], call);
  await balancer.remove(id, [server('10.0.0.1'), server('10.0.0.9')], call);
  expect(await balancer.servers(id, call)).toEqual([server('10.0.0.2', { weight: 7 }), node]);
});

test('the default group has servers without a port', async () => {
  const { cloud, balancer, call, loadBalancer } = await withBalancer();
  cloud.control.createListener({ loadBalancerId: loadBalancer, port: 80, groupId: defaultGroupId(loadBalancer) });
  expect(await balancer.servers(DEFAULT_GROUP, call)).toEqual([]);
  const one = server('10.0.0.1', { port: undefined, weight: 0 });
  await balancer.add(DEFAULT_GROUP, [one], call);
  await balancer.weigh(DEFAULT_GROUP, [{ ...one, weight: 100 }], call);
  expect(await balancer.servers(DEFAULT_GROUP, call)).toEqual([{ ...one, weight: 100 }]);
  const group = (await balancer.groups(call)).find(({ id }) => id === DEFAULT_GROUP) as Group;
  expect((await balancer.health([group], call))(group, one)).toBe('normal');
  await balancer.remove(DEFAULT_GROUP, [one], call);
  expect(await balancer.servers(DEFAULT_GROUP, call)).toEqual([]);
});

test('the worst health of a server on all its listeners counts, and one that is not listed is unknown', async () => {
  const { cloud, balancer, call, loadBalancer } = await withBalancer();
  const id = cloud.control.createVServerGroup({ loadBalancerId: loadBalancer, name: 'g' });
  for (const port of [80, 81]) cloud.control.createListener({ loadBalancerId: loadBalancer, port, groupId: id });
  await balancer.add(id, [server('10.0.0.1'), server('10.0.0.2'), server('10.0.0.2', { port: 9090 })], call);
  cloud.control.setHealth({ serverIp: '10.0.0.2', port: 9090, health: 'abnormal' });
  cloud.control.setHealth({ serverIp: '10.0.0.1', health: 'unavailable' });
  const [group] = await balancer.groups(call);
  const health = await balancer.health([], call);
  const of = (given: Server) => health(group as Group, given);
  expect(of(server('10.0.0.1'))).toBe('unknown');
  expect(of(server('10.0.0.2'))).toBe('normal');
  expect(of(server('10.0.0.2', { port: 9090 }))).toBe('abnormal');
  expect(of(server('10.0.0.7'))).toBe('unknown');
});
