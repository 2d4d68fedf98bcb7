import { expect, test } from 'vitest';
import { startForTest } from './test/start.ts';
import { vendorClient } from './vendor-client.ts';

const MINUTE = 60_000;

test.each([
  { algorithm: 'ACS3-HMAC-SHA256', place: 'query' },
  { algorithm: 'ACS3-HMAC-SHA256', place: 'body' },
  { algorithm: 'v2', place: 'query' },
  { algorithm: 'v2', place: 'body' },
] as const)('accepts what the vendor signs with $algorithm and parameters in the $place', async ({
  algorithm,
  place,
}) => {
  const { server } = await startForTest();
  const id = server.control.createLoadBalancer({ name: 'a name with spaces, *, ~ and ü' });
  const call = vendorClient({ ...server, signatureAlgorithm: algorithm, parametersIn: place });
  const answer = await call('Slb', 'DescribeLoadBalancerAttribute', { LoadBalancerId: id });
  expect(answer).toMatchObject({ LoadBalancerId: id, LoadBalancerName: 'a name with spaces, *, ~ and ü' });
});

test('refuses a wrong secret and an unknown key', async () => {
  const { server } = await startForTest();
  const { endpoint } = server;
  const wrong = vendorClient({ endpoint, account: { ...server.account, accessKeySecret: 'other' } });
  await expect(wrong('Slb', 'DescribeLoadBalancers')).rejects.toMatchObject({
    code: 'SignatureDoesNotMatch',
    statusCode: 400,
  });
  const unknown = vendorClient({ endpoint, account: { accessKeyId: 'nobody', accessKeySecret: 'x' } });
  await expect(unknown('Slb', 'DescribeLoadBalancers')).rejects.toMatchObject({
    code: 'InvalidAccessKeyId.NotFound',
    statusCode: 404,
  });
});

test('wants the security token of a key that has one', async () => {
  const { server } = await startForTest();
  const account = { accessKeyId: 'STS.1', accessKeySecret: 'secret', securityToken: 'token' };
  server.control.addAccessKey(account);
  await expect(vendorClient({ ...server, account })('Nlb', 'ListLoadBalancers')).resolves.toMatchObject({
    TotalCount: 0,
  });
  const withoutToken = { accessKeyId: 'STS.1', accessKeySecret: 'secret' };
  const call = vendorClient({ ...server, account: withoutToken });
  await expect(call('Nlb', 'ListLoadBalancers')).rejects.toMatchObject({ code: 'InvalidSecurityToken.Malformed' });
});

test('refuses a key that was replaced', async () => {
  const { server, call } = await startForTest();
  await call('Slb', 'DescribeLoadBalancers');
  const account = { accessKeyId: 'second', accessKeySecret: 'second-secret' };
  server.control.addAccessKey(account);
  server.control.removeAccessKey(server.account.accessKeyId);
  await expect(call('Slb', 'DescribeLoadBalancers')).rejects.toMatchObject({ code: 'InvalidAccessKeyId.NotFound' });
  await vendorClient({ ...server, account })('Slb', 'DescribeLoadBalancers');
  expect(server.control.calls()).toHaveLength(2);
});

test.each([16 * MINUTE, -16 * MINUTE])('refuses a date that is %d ms off', async (skewMs) => {
  const { server, call } = await startForTest();
  server.control.skewClock(skewMs);
  await expect(call('Slb', 'DescribeLoadBalancers')).rejects.toMatchObject({ code: 'InvalidTimeStamp.Expired' });
});

test('refuses a nonce that was used already', async () => {
  const { server } = await startForTest();
  const call = vendorClient({ ...server, headers: { 'x-acs-signature-nonce': 'once' } });
  await call('Slb', 'DescribeLoadBalancers');
  await expect(call('Slb', 'DescribeLoadBalancers')).rejects.toMatchObject({
    code: 'SignatureNonceUsed',
  });
});

test('refuses a body that is not the signed one', async () => {
  const { server } = await startForTest();
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'x-acs-action': 'DescribeLoadBalancers',
      'x-acs-version': '2014-05-15',
      'x-acs-date': new Date().toISOString().replace(/\.\d+/, ''),
      'x-acs-signature-nonce': 'n',
      'x-acs-content-sha256': 'of another body',
      authorization:
        'ACS3-HMAC-SHA256 Credential=test-key,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=00',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'RegionId=cn-hangzhou',
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ Code: 'SignatureDoesNotMatch' });
});

test.each([
  { name: 'without a signature', headers: { 'x-acs-action': 'DescribeLoadBalancers' }, code: 'MissingParameter' },
  {
    name: 'with half of one',
    headers: { authorization: 'ACS3-HMAC-SHA256 Credential=a' },
    code: 'IncompleteSignature',
  },
])('refuses a call $name', async ({ headers, code }) => {
  const { server } = await startForTest();
  const all = { 'x-acs-version': '2014-05-15', 'x-acs-action': 'DescribeLoadBalancers', ...headers };
  const response = await fetch(server.url, { method: 'POST', headers: new Headers(all) });
  expect(await response.json()).toMatchObject({ Code: code });
});

test('throttles per account and action, and counts calls and their highest rate', async () => {
  const { server, call } = await startForTest();
  server.control.setRateLimit('Slb.DescribeHealthStatus', { calls: 2, windowMs: MINUTE });
  const LoadBalancerId = server.control.createLoadBalancer();
  await call('Slb', 'DescribeHealthStatus', { LoadBalancerId });
  server.control.advance(MINUTE / 2);
  await call('Slb', 'DescribeHealthStatus', { LoadBalancerId });
  await expect(call('Slb', 'DescribeHealthStatus', { LoadBalancerId })).rejects.toMatchObject({
    code: 'Throttling.User',
  });
  await call('Slb', 'DescribeVServerGroups', { LoadBalancerId });

  const other = { accessKeyId: 'other', accessKeySecret: 'other', accountId: 'another-account' };
  server.control.addAccessKey(other);
  await vendorClient({ ...server, account: other })('Slb', 'DescribeHealthStatus', { LoadBalancerId });

  server.control.advance(MINUTE / 2);
  await call('Slb', 'DescribeHealthStatus', { LoadBalancerId });
  expect(server.control.countCalls().get('Slb.DescribeHealthStatus')).toBe(5);
  expect(server.control.calls({ code: 'Throttling.User' })).toHaveLength(1);
  expect(server.control.highestRate({ action: 'DescribeHealthStatus' }, 1000)).toBe(3);
});

test('limits writes of backends to the published 90 in a minute', async () => {
  const { server, call } = await startForTest();
  const loadBalancerId = server.control.createLoadBalancer();
  const VServerGroupId = server.control.createVServerGroup({ loadBalancerId, name: 'g' });
  const parameters = { VServerGroupId, BackendServers: '[]' };
  for (let i = 0; i < 90; i++) await call('Slb', 'RemoveVServerGroupBackendServers', parameters);
  await expect(call('Slb', 'RemoveVServerGroupBackendServers', parameters)).rejects.toMatchObject({
    code: 'Throttling.User',
  });
});

test('fails before or after a call takes effect, as often as told', async () => {
  const { server, call } = await startForTest();
  server.control.injectFault({
    action: 'CreateLoadBalancer',
    when: 'before',
    status: 449,
    code: 'SystemBusy',
    times: 2,
  });
  const create = () => call('Slb', 'CreateLoadBalancer', { LoadBalancerName: 'a' });
  for (let i = 0; i < 2; i++) await expect(create()).rejects.toMatchObject({ code: 'SystemBusy', statusCode: 449 });
  expect(server.control.readState().loadBalancers.size).toBe(0);

  server.control.injectFault({ action: 'CreateLoadBalancer', when: 'after' });
  await expect(create()).rejects.toMatchObject({ code: 'InternalError', statusCode: 500 });
  expect(server.control.readState().loadBalancers.size).toBe(1);
});

test('closes the connection after the call took effect', async () => {
  const { server, call } = await startForTest();
  server.control.injectFault({ when: 'after', disconnect: true });
  await expect(call('Slb', 'CreateLoadBalancer')).rejects.toThrow();
  expect(server.control.readState().loadBalancers.size).toBe(1);
});

test('refuses an unknown action and version', async () => {
  const { server, call } = await startForTest();
  await expect(call('Slb', 'DescribeNothing')).rejects.toMatchObject({ code: 'InvalidAction.NotFound' });
  const response = await fetch(`${server.url}/?Action=A&Version=1999-01-01`, { method: 'POST' });
  expect(await response.json()).toMatchObject({ Code: 'InvalidVersion' });
});

test('serves the control API only if asked to', async () => {
  const { server } = await startForTest({ controlApi: true });
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${server.url}/control/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  const created = await post('createLoadBalancer', [{ id: 'lb-1', name: 'one' }]);
  expect(created).toEqual({ status: 200, body: { result: 'lb-1' } });
  expect(await post('readState', [])).toMatchObject({
    body: { result: { loadBalancers: { 'lb-1': { name: 'one' } } } },
  });
  expect((await post('constructor', [])).status).toBe(404);
  expect((await post('readGroup', ['rsp-none'])).status).toBe(400);

  expect((await fetch(`${server.url}/control/ready`)).status).toBe(200);

  const closed = await startForTest();
  expect((await fetch(`${closed.server.url}/control/readState`, { method: 'POST' })).status).not.toBe(200);
});
