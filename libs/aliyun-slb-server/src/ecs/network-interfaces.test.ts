import { expect, test } from 'vitest';
import { startForTest } from '../test/start.ts';

test('finds the interfaces of addresses, several at one interface and none at another', async () => {
  const { server, call } = await startForTest();
  server.control.setNetworkInterface('10.0.0.2', 'eni-shared');
  server.control.setNetworkInterface('10.0.0.3', 'eni-shared');
  server.control.setNetworkInterface('10.0.0.4', undefined);
  const PrivateIpAddress = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
  const { NetworkInterfaceSets } = await call('Ecs', 'DescribeNetworkInterfaces', { PrivateIpAddress });
  const ip = (PrivateIpAddress: string) => expect.objectContaining({ PrivateIpAddress });
  expect(NetworkInterfaceSets).toMatchObject({
    NetworkInterfaceSet: [
      { NetworkInterfaceId: 'eni-10-0-0-1', PrivateIpSets: { PrivateIpSet: [ip('10.0.0.1')] } },
      { NetworkInterfaceId: 'eni-shared', PrivateIpSets: { PrivateIpSet: [ip('10.0.0.2'), ip('10.0.0.3')] } },
    ],
  });
});

test('refuses more than 100 addresses', async () => {
  const { call } = await startForTest();
  const PrivateIpAddress = Array.from({ length: 101 }, (_, i) => `10.0.0.${i}`);
  await expect(call('Ecs', 'DescribeNetworkInterfaces', { PrivateIpAddress })).rejects.toMatchObject({
    code: 'InvalidParameter',
  });
});
