import { expect, test } from 'vitest';
import { cloudOn, startCloud } from '../test/cloud.ts';
import { CloudError } from './errors.ts';

const DESCRIBE = { product: 'Slb', action: 'DescribeVServerGroups', parameters: { LoadBalancerId: 'lb-1' } } as const;

async function withBalancer(options: Parameters<typeof startCloud>[0] = {}) {
  const cloud = await startCloud(options);
  cloud.server.control.createLoadBalancer({ id: 'lb-1' });
  const group = cloud.server.control.createVServerGroup({ loadBalancerId: 'lb-1', name: 'g', id: 'rsp-1' });
  return { ...cloud, group };
}

test('calls are signed with what the credentials say at that moment', async () => {
  const { server, api, signal } = await withBalancer();
  const rotated = { accessKeyId: 'second', accessKeySecret: 'other', securityToken: 'sts' };
  expect(await api.call(DESCRIBE, { queue: 'lb-1', signal })).toHaveProperty('VServerGroups');
  server.control.addAccessKey(rotated);
  server.control.removeAccessKey(server.account.accessKeyId);
  await expect(api.call(DESCRIBE, { queue: 'lb-1', signal })).rejects.toMatchObject({ kind: 'refused' });
  const other = cloudOn({ endpoint: server.endpoint, account: rotated });
  expect(await other.call(DESCRIBE, { queue: 'lb-1', signal })).toHaveProperty('VServerGroups');
});

test.each([
  { name: 'a wrong secret', account: { accessKeySecret: 'wrong' }, code: 'SignatureDoesNotMatch' },
  { name: 'an unknown key', account: { accessKeyId: 'nobody' }, code: 'InvalidAccessKeyId.NotFound' },
])('$name is refused, and not repeated', async ({ account, code }) => {
  const { server, signal } = await withBalancer();
  const api = cloudOn({ endpoint: server.endpoint, account: { ...server.account, ...account } });
  const error = await api.call(DESCRIBE, { queue: 'lb-1', signal }).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(CloudError);
  expect(error).toMatchObject({ kind: 'refused', code });
  expect(String(error)).not.toContain(server.account.accessKeySecret);
});

test('a signature that the clock has made too old is refused by name', async () => {
  const { server, api, signal } = await withBalancer();
  server.control.skewClock(3_600_000);
  await expect(api.call(DESCRIBE, { queue: 'lb-1', signal })).rejects.toMatchObject({ kind: 'unsigned' });
});

test('a read is repeated after an error of the server, and a write is not', async () => {
  const { server, api, group, signal } = await withBalancer();
  server.control.injectFault({ when: 'before', times: 2 });
  expect(await api.call(DESCRIBE, { queue: 'lb-1', signal })).toHaveProperty('VServerGroups');
  server.control.injectFault({ when: 'after' });
  const backends = JSON.stringify([{ ServerId: 'eni-1', ServerIp: '10.0.0.1', Type: 'eni', Port: '80' }]);
  const add = {
    product: 'Slb',
    action: 'AddVServerGroupBackendServers',
    parameters: { VServerGroupId: group, BackendServers: backends },
  } as const;
  await expect(api.call(add, { queue: 'lb-1', signal })).rejects.toMatchObject({ kind: 'unclear' });
  expect(server.control.calls({ action: add.action })).toHaveLength(1);
  expect(server.control.readGroup(group).backends).toHaveLength(1);
});

test('a lost connection and a late answer are unclear', async () => {
  const { server, group, signal } = await withBalancer();
  const api = cloudOn(server, { readTimeoutMs: 200 });
  const remove = {
    product: 'Slb',
    action: 'RemoveVServerGroupBackendServers',
    parameters: { VServerGroupId: group, BackendServers: '[]' },
  } as const;
  server.control.injectFault({ when: 'after', disconnect: true });
  await expect(api.call(remove, { queue: 'lb-1', signal })).rejects.toMatchObject({ kind: 'unclear', code: '' });
  server.control.injectFault({ when: 'after', delayMs: 1000 });
  await expect(api.call(remove, { queue: 'lb-1', signal })).rejects.toMatchObject({ kind: 'unclear', code: '' });
});

test('a throttled call waits and is repeated', async () => {
  const { server, api, signal } = await withBalancer();
  server.control.injectFault({ when: 'before', status: 400, code: 'Throttling.User' });
  expect(await api.call(DESCRIBE, { queue: 'lb-1', signal })).toHaveProperty('VServerGroups');
  expect(server.control.calls({ action: DESCRIBE.action })).toHaveLength(2);
});

test.each([
  { code: 'BackendServer.configuring', status: 400, kind: 'busy' },
  { code: 'SystemBusy', status: 449, kind: 'busy' },
  { code: 'IncorrectStatus.ServerGroup', status: 400, kind: 'busy' },
  { code: 'Throttling.Api', status: 503, kind: 'throttled' },
  { code: 'InstanceBackendServerNumberOverLimit', status: 400, kind: 'full' },
  { code: 'InvalidLoadBalancerId.NotFound', status: 404, kind: 'gone' },
  { code: 'Forbidden.RAM', status: 403, kind: 'refused' },
  { code: 'InvalidParameter', status: 400, kind: 'refused' },
  { code: 'AccountHasArrearage', status: 400, kind: 'refused' },
  { code: 'ServiceUnavailable', status: 503, kind: 'unclear' },
])('$code is $kind', async ({ code, status, kind }) => {
  const { server, api, signal } = await withBalancer();
  server.control.injectFault({ when: 'before', status, code, times: 9 });
  const abort = new AbortController();
  const either = AbortSignal.any([signal, abort.signal]);
  const call = api.call(DESCRIBE, { queue: 'lb-1', signal: either });
  if (kind === 'throttled') {
    setTimeout(() => abort.abort(new Error('enough')), 300);
    await expect(call).rejects.toThrow('enough');
  } else await expect(call).rejects.toMatchObject({ kind, code });
});

test('a group that does not exist is gone', async () => {
  const { api, signal } = await withBalancer();
  const parameters = { VServerGroupId: 'rsp-none' };
  const call = { product: 'Slb', action: 'DescribeVServerGroupAttribute', parameters } as const;
  await expect(api.call(call, { queue: 'lb-1', signal })).rejects.toMatchObject({ kind: 'gone' });
});
