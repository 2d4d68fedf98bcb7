import { expect, test } from 'vitest';
import { startCloud } from '../test/cloud.ts';
import { NetworkInterfaces } from './network-interfaces.ts';

test('addresses are asked for in batches, and once for the life of a Pod', async () => {
  const { server, api, signal } = await startCloud();
  const interfaces = new NetworkInterfaces(api);
  const pods = Array.from({ length: 120 }, (_, index) => ({ uid: `u${index}`, ip: `10.0.${index % 200}.9` }));
  const found = await interfaces.idsOf(pods, { queue: 'lb', signal });
  expect(found.size).toBe(120);
  expect(found.get('10.0.7.9')).toBe('eni-10-0-7-9');
  await interfaces.idsOf(pods, { queue: 'lb', signal });
  expect(server.control.calls({ action: 'DescribeNetworkInterfaces' })).toHaveLength(2);
});

test('an address that no interface has is asked for again', async () => {
  const { server, api, signal } = await startCloud();
  server.control.setNetworkInterface('192.0.2.1', undefined);
  const interfaces = new NetworkInterfaces(api);
  const pods = [{ uid: 'u', ip: '192.0.2.1' }];
  expect((await interfaces.idsOf(pods, { queue: 'lb', signal })).size).toBe(0);
  await interfaces.idsOf(pods, { queue: 'lb', signal });
  expect(server.control.calls({ action: 'DescribeNetworkInterfaces' })).toHaveLength(2);
});
