import { expect, test } from 'vitest';
import { nlbServers, startForTest } from '../test/start.ts';

async function startWithGroup(settings = {}) {
  const { server, call } = await startForTest({ settings });
  const ServerGroupId = server.control.createServerGroup({ name: 'k8s.80.TCP.web.default.c1' });
  const servers = async () => {
    const { Servers } = await call('Nlb', 'ListServerGroupServers', { ServerGroupId, MaxResults: 100 });
    const list = Servers as { ServerIp: string; Weight: number; Status: string }[];
    return list.map(({ ServerIp, Weight, Status }) => `${ServerIp} ${Weight} ${Status}`);
  };
  const job = async (JobId: unknown) => (await call('Nlb', 'GetJobStatus', { JobId })).Status;
  const add = (...given: Parameters<typeof nlbServers>) =>
    call('Nlb', 'AddServersToServerGroup', { ServerGroupId, Servers: nlbServers(...given) });
  return { server, call, ServerGroupId, servers, job, add };
}

test('adds, weighs and removes servers by jobs that take time', async () => {
  const { server, call, ServerGroupId, servers, job, add } = await startWithGroup({ jobMs: 4000 });
  const adding = await add({ ip: '10.0.0.1' }, { ip: '10.0.0.2', weight: 20 });
  expect(await servers()).toEqual(['10.0.0.1 100 Adding', '10.0.0.2 20 Adding']);
  expect(await job(adding.JobId)).toBe('Processing');
  expect(await call('Nlb', 'ListServerGroups', { ServerGroupIds: [ServerGroupId] })).toMatchObject({
    ServerGroups: [{ ServerGroupStatus: 'Configuring', ServerCount: 2 }],
  });
  await expect(add({ ip: '10.0.0.3' })).rejects.toMatchObject({ code: 'IncorrectStatus.serverGroup', statusCode: 400 });
  server.control.advance(4000);
  expect(await job(adding.JobId)).toBe('Succeeded');
  expect(await servers()).toEqual(['10.0.0.1 100 Available', '10.0.0.2 20 Available']);

  const update = { ServerGroupId, Servers: nlbServers({ ip: '10.0.0.1', weight: 0 }) };
  await call('Nlb', 'UpdateServerGroupServersAttribute', update);
  expect(await servers()).toEqual(['10.0.0.1 100 Configuring', '10.0.0.2 20 Available']);
  server.control.advance(4000);
  expect(await servers()).toEqual(['10.0.0.1 0 Available', '10.0.0.2 20 Available']);

  await call('Nlb', 'RemoveServersFromServerGroup', { ServerGroupId, Servers: nlbServers({ ip: '10.0.0.1' }) });
  expect(await servers()).toEqual(['10.0.0.1 0 Removing', '10.0.0.2 20 Available']);
  server.control.advance(4000);
  expect(await servers()).toEqual(['10.0.0.2 20 Available']);
});

test('refuses servers that are there or gone already, and groups and jobs it does not know', async () => {
  const { call, ServerGroupId, add } = await startWithGroup();
  await add({ ip: '10.0.0.1' });
  await expect(add({ ip: '10.0.0.1' })).rejects.toMatchObject({ code: 'ResourceAlreadyExist.BackendServer' });
  const remove = { ServerGroupId, Servers: nlbServers({ ip: '10.0.0.9' }) };
  await expect(call('Nlb', 'RemoveServersFromServerGroup', remove)).rejects.toMatchObject({
    code: 'ResourceNotFound.BackendServer',
    statusCode: 404,
  });
  await expect(call('Nlb', 'ListServerGroupServers', { ServerGroupId: 'sgp-none' })).rejects.toMatchObject({
    code: 'ResourceNotFound.serverGroup',
  });
  await expect(call('Nlb', 'GetJobStatus', { JobId: 'none' })).rejects.toMatchObject({ code: 'ResourceNotFound.job' });
});

test('refuses more servers in one call than its setting says', async () => {
  const { add, servers } = await startWithGroup({ nlbBatchLimit: 2 });
  await expect(add({ ip: '10.0.0.1' }, { ip: '10.0.0.2' }, { ip: '10.0.0.3' })).rejects.toMatchObject({
    code: 'InvalidParameter',
  });
  expect(await servers()).toEqual([]);
});

test('lists servers page by page', async () => {
  const { server, call, ServerGroupId } = await startWithGroup();
  const ips = Array.from({ length: 5 }, (_, i) => `10.0.0.${i}`);
  server.control.addBackends(
    ServerGroupId,
    ips.map((serverIp) => ({ serverId: `eni-${serverIp}`, serverIp, port: 80, type: 'Eni' })),
  );
  const found: string[] = [];
  let NextToken: unknown = '';
  do {
    const page = await call('Nlb', 'ListServerGroupServers', { ServerGroupId, MaxResults: 2, NextToken });
    found.push(...(page.Servers as { ServerIp: string }[]).map(({ ServerIp }) => ServerIp));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(found).toEqual(ips);
});

test('throttles reads of servers to 20 in a second', async () => {
  const { server, call, ServerGroupId } = await startWithGroup();
  for (let i = 0; i < 20; i++) await call('Nlb', 'ListServerGroupServers', { ServerGroupId });
  await expect(call('Nlb', 'ListServerGroupServers', { ServerGroupId })).rejects.toMatchObject({
    code: 'Throttling.User',
  });
  server.control.advance(1000);
  await call('Nlb', 'ListServerGroupServers', { ServerGroupId });
});

test('builds an instance through the API, and lists only the servers that are not healthy', async () => {
  const { server, call } = await startForTest({ settings: { healthDelayMs: 5000 } });
  const { LoadbalancerId: LoadBalancerId } = await call('Nlb', 'CreateLoadBalancer', { LoadBalancerName: 'web' });
  const { ServerGroupId } = await call('Nlb', 'CreateServerGroup', { ServerGroupName: 'g' });
  const { ListenerId } = await call('Nlb', 'CreateListener', {
    LoadBalancerId,
    ListenerPort: 80,
    ListenerProtocol: 'TCP',
    ServerGroupId,
  });
  const Servers = nlbServers({ ip: '10.0.0.1' }, { ip: '10.0.0.2', weight: 0 });
  await call('Nlb', 'AddServersToServerGroup', { ServerGroupId, Servers });
  expect(await call('Nlb', 'ListListeners', { LoadBalancerIds: [LoadBalancerId] })).toMatchObject({
    Listeners: [{ ListenerId, ListenerPort: 80, ServerGroupId, ListenerStatus: 'Running' }],
  });
  expect(await call('Nlb', 'ListServerGroups')).toMatchObject({
    ServerGroups: [{ RelatedLoadBalancerIds: [LoadBalancerId] }],
  });
  const notNormal = async () => {
    const { ListenerHealthStatus } = await call('Nlb', 'GetListenerHealthStatus', { ListenerId });
    const [listener] = ListenerHealthStatus as {
      ServerGroupInfos: { NonNormalServers: { ServerIp: string; Status: string }[] }[];
    }[];
    return listener?.ServerGroupInfos[0]?.NonNormalServers.map(({ ServerIp, Status }) => `${ServerIp} ${Status}`);
  };
  expect(await notNormal()).toEqual(['10.0.0.1 Initial', '10.0.0.2 Unused']);
  server.control.advance(5000);
  expect(await notNormal()).toEqual(['10.0.0.2 Unused']);
  server.control.setHealth({ serverIp: '10.0.0.1', health: 'abnormal' });
  expect(await notNormal()).toEqual(['10.0.0.1 Unhealthy', '10.0.0.2 Unused']);

  await expect(call('Nlb', 'DeleteServerGroup', { ServerGroupId })).rejects.toMatchObject({
    code: 'ResourceInUse.serverGroup',
  });
  await call('Nlb', 'DeleteListener', { ListenerId });
  await call('Nlb', 'DeleteServerGroup', { ServerGroupId });
  await call('Nlb', 'DeleteLoadBalancer', { LoadBalancerId });
  expect(await call('Nlb', 'ListLoadBalancers')).toMatchObject({ TotalCount: 0 });
});
