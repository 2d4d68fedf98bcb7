import { expect, test } from 'vitest';
import { clbBackends, startForTest } from '../test/start.ts';

async function startWithGroup(settings = {}) {
  const { server, call } = await startForTest({ settings });
  const LoadBalancerId = server.control.createLoadBalancer();
  const VServerGroupId = server.control.createVServerGroup({
    loadBalancerId: LoadBalancerId,
    name: 'k8s/80/web/default/c1',
  });
  server.control.createListener({ loadBalancerId: LoadBalancerId, port: 80, groupId: VServerGroupId });
  const members = async () => {
    const { BackendServers } = await call('Slb', 'DescribeVServerGroupAttribute', { VServerGroupId });
    const { BackendServer } = BackendServers as {
      BackendServer: { ServerIp: string; Weight: number; Description: string }[];
    };
    return BackendServer.map(({ ServerIp, Weight }) => `${ServerIp} ${Weight}`);
  };
  const health = async () => {
    const { BackendServers } = await call('Slb', 'DescribeHealthStatus', { LoadBalancerId });
    const { BackendServer } = BackendServers as { BackendServer: { ServerIp: string; ServerHealthStatus: string }[] };
    return BackendServer.map(({ ServerIp, ServerHealthStatus }) => `${ServerIp} ${ServerHealthStatus}`);
  };
  const add = (BackendServers: string) =>
    call('Slb', 'AddVServerGroupBackendServers', { VServerGroupId, BackendServers });
  return { server, call, LoadBalancerId, VServerGroupId, members, health, add };
}

test('adds, weighs and removes backends, and ignores those that are there or gone already', async () => {
  const { call, VServerGroupId, members, add } = await startWithGroup();
  await add(clbBackends({ ip: '10.0.0.1' }, { ip: '10.0.0.2', weight: 50 }));
  await add(clbBackends({ ip: '10.0.0.1', weight: 1 }));
  expect(await members()).toEqual(['10.0.0.1 100', '10.0.0.2 50']);

  const set = {
    VServerGroupId,
    BackendServers: clbBackends({ ip: '10.0.0.1', weight: 0 }, { ip: '10.0.0.9', weight: 5 }),
  };
  await call('Slb', 'SetVServerGroupAttribute', set);
  expect(await members()).toEqual(['10.0.0.1 0', '10.0.0.2 50']);

  const remove = { VServerGroupId, BackendServers: clbBackends({ ip: '10.0.0.2' }, { ip: '10.0.0.9' }) };
  await call('Slb', 'RemoveVServerGroupBackendServers', remove);
  expect(await members()).toEqual(['10.0.0.1 0']);

  await call('Slb', 'ModifyVServerGroupBackendServers', {
    VServerGroupId,
    OldBackendServers: clbBackends({ ip: '10.0.0.1' }),
    NewBackendServers: clbBackends({ ip: '10.0.0.3' }),
  });
  expect(await members()).toEqual(['10.0.0.3 100']);
});

test('refuses writes to an instance that still applies the last one', async () => {
  const { server, call, LoadBalancerId, add, members } = await startWithGroup({ configuringMs: 2000 });
  const VServerGroupId = server.control.createVServerGroup({ loadBalancerId: LoadBalancerId, name: 'second' });
  await add(clbBackends({ ip: '10.0.0.1' }));
  const second = { VServerGroupId, BackendServers: clbBackends({ ip: '10.0.0.2' }) };
  await expect(call('Slb', 'AddVServerGroupBackendServers', second)).rejects.toMatchObject({
    code: 'BackendServer.configuring',
    statusCode: 400,
  });
  const listener = { LoadBalancerId, ListenerPort: 81, VServerGroupId };
  await expect(call('Slb', 'CreateLoadBalancerTCPListener', listener)).rejects.toMatchObject({
    code: 'ServiceIsConfiguring',
  });
  expect(await members()).toEqual(['10.0.0.1 100']);
  server.control.advance(2000);
  await call('Slb', 'AddVServerGroupBackendServers', second);
});

test('takes as many backends in one call as its setting says', async () => {
  const { server, add, members } = await startWithGroup();
  const many = Array.from({ length: 21 }, (_, i) => ({ ip: `10.0.0.${i}` }));
  await expect(add(clbBackends(...many))).rejects.toMatchObject({ code: 'InvalidParameter' });
  expect(await members()).toEqual([]);
  server.control.set({ clbBatchLimit: 40 });
  await add(clbBackends(...many));
  expect(await members()).toHaveLength(21);
});

test.each([
  {
    quota: { backendsPerInstance: 2 },
    code: 'InstanceBackendServerNumberOverLimit',
    ips: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  },
  { quota: { backendsPerServer: 0 }, code: 'QuotaLimitExceeds.BackendServerAttachedNum', ips: ['10.0.0.1'] },
])('refuses backends above a quota with $code', async ({ quota, code, ips }) => {
  const { add, members } = await startWithGroup(quota);
  await expect(add(clbBackends(...ips.map((ip) => ({ ip }))))).rejects.toMatchObject({ code });
  expect(await members()).toEqual([]);
});

test('refuses one listener too many, and a second one on a port', async () => {
  const { call, LoadBalancerId } = await startWithGroup({ listenersPerInstance: 2 });
  const create = (ListenerPort: number) =>
    call('Slb', 'CreateLoadBalancerTCPListener', { LoadBalancerId, ListenerPort });
  await expect(create(80)).rejects.toMatchObject({ code: 'ListenerAlreadyExists' });
  await create(81);
  await expect(create(82)).rejects.toMatchObject({ code: 'QuotaLimitExceeds.ListenerNum' });
});

test.each([
  ['not JSON', 'x'],
  ['no list', '{}'],
  ['a port that is too high', '[{"ServerId":"i","Port":"65536"}]'],
  ['a weight that is too high', '[{"ServerId":"i","Port":"80","Weight":"101"}]'],
  ['an unknown type', '[{"ServerId":"i","Port":"80","Type":"vm"}]'],
  ['a description that is too long', JSON.stringify([{ ServerId: 'i', Port: '80', Description: 'd'.repeat(81) }])],
])('refuses %s', async (_, backends) => {
  const { add } = await startWithGroup();
  await expect(add(backends)).rejects.toMatchObject({ code: 'InvalidParameter' });
});

test('reports a new backend as unavailable until it has passed its checks', async () => {
  const { server, add, health } = await startWithGroup({ healthDelayMs: 6000 });
  await add(clbBackends({ ip: '10.0.0.1' }));
  expect(await health()).toEqual(['10.0.0.1 unavailable']);
  server.control.advance(6000);
  expect(await health()).toEqual(['10.0.0.1 normal']);
  server.control.setHealth({ serverIp: '10.0.0.1', health: 'abnormal' });
  expect(await health()).toEqual(['10.0.0.1 abnormal']);
  server.control.clearHealth();
  expect(await health()).toEqual(['10.0.0.1 normal']);
});

test('shows the state before a write for as long as reads lag', async () => {
  const { server, add, members, health } = await startWithGroup({ staleReadMs: 3000 });
  server.control.advance(3000);
  await add(clbBackends({ ip: '10.0.0.1' }));
  server.control.advance(1000);
  await add(clbBackends({ ip: '10.0.0.2' }));
  expect(await members()).toEqual([]);
  server.control.advance(2000);
  expect(await members()).toEqual(['10.0.0.1 100']);
  expect(await health()).toEqual(['10.0.0.1 normal']);
  server.control.advance(1000);
  expect(await members()).toEqual(['10.0.0.1 100', '10.0.0.2 100']);
});

test('takes effect although the answer is an error', async () => {
  const { server, add, members } = await startWithGroup();
  server.control.injectFault({
    action: 'AddVServerGroupBackendServers',
    when: 'after',
    status: 503,
    code: 'ServiceUnavailable',
  });
  await expect(add(clbBackends({ ip: '10.0.0.1' }))).rejects.toMatchObject({ code: 'ServiceUnavailable' });
  expect(await members()).toEqual(['10.0.0.1 100']);
});

test('knows nothing of an instance that was deleted, nor of its groups', async () => {
  const { server, call, LoadBalancerId, VServerGroupId } = await startWithGroup();
  server.control.deleteLoadBalancer(LoadBalancerId);
  await expect(call('Slb', 'DescribeHealthStatus', { LoadBalancerId })).rejects.toMatchObject({
    code: 'InvalidLoadBalancerId.NotFound',
  });
  await expect(call('Slb', 'DescribeVServerGroupAttribute', { VServerGroupId })).rejects.toMatchObject({
    code: 'InvalidParameter',
    message: expect.stringContaining('VServerGroupId does not exist'),
  });
});

test('builds an instance through the API: group, listener, start, and back', async () => {
  const { call } = await startForTest();
  const { LoadBalancerId } = await call('Slb', 'CreateLoadBalancer', {
    LoadBalancerName: 'web',
    Tag: [{ Key: 'kubernetes.do.not.delete', Value: 'a1' }],
  });
  const { VServerGroupId } = await call('Slb', 'CreateVServerGroup', { LoadBalancerId, VServerGroupName: 'g' });
  const listener = { LoadBalancerId, ListenerPort: 80, ListenerProtocol: 'tcp' };
  await call('Slb', 'CreateLoadBalancerTCPListener', { ...listener, VServerGroupId, Description: 'd' });
  await call('Slb', 'StartLoadBalancerListener', listener);
  expect(await call('Slb', 'DescribeLoadBalancerListeners', { LoadBalancerId: [LoadBalancerId] })).toMatchObject({
    Listeners: [{ ListenerPort: 80, ListenerProtocol: 'tcp', VServerGroupId, Status: 'running' }],
  });
  expect(await call('Slb', 'DescribeVServerGroups', { LoadBalancerId, IncludeListener: true })).toMatchObject({
    VServerGroups: {
      VServerGroup: [{ VServerGroupName: 'g', AssociatedObjects: { Listeners: { Listener: [{ Port: 80 }] } } }],
    },
  });
  const byTag = { Tag: [{ Key: 'kubernetes.do.not.delete', Value: 'a1' }] };
  expect(await call('Slb', 'DescribeLoadBalancers', byTag)).toMatchObject({ TotalCount: 1 });

  await expect(call('Slb', 'DeleteVServerGroup', { VServerGroupId })).rejects.toMatchObject({ code: 'RspoolVipExist' });
  await call('Slb', 'DeleteLoadBalancerListener', listener);
  await call('Slb', 'DeleteVServerGroup', { VServerGroupId });
  await call('Slb', 'DeleteLoadBalancer', { LoadBalancerId });
  expect(await call('Slb', 'DescribeLoadBalancers', byTag)).toMatchObject({ TotalCount: 0 });
});
