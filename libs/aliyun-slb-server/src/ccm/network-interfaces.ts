import { batchesOf, type CloudOptions, listIn, patient } from './cloud.ts';

type Interface = { NetworkInterfaceId: string; PrivateIpSets: { PrivateIpSet: { PrivateIpAddress: string }[] } };

/** The API takes so many addresses in a call. */
const BATCH = 100;

/** Asks ECS for the network interfaces of Pods; without the addresses that no interface has. */
export async function networkInterfaces(
  options: CloudOptions,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const call = patient(options);
  const found = new Map<string, string>();
  for (const PrivateIpAddress of batchesOf(addresses, BATCH)) {
    const answer = await call('Ecs', 'DescribeNetworkInterfaces', { PrivateIpAddress, PageSize: BATCH });
    for (const each of listIn<Interface>(answer.NetworkInterfaceSets, 'NetworkInterfaceSet')) {
      for (const ip of each.PrivateIpSets.PrivateIpSet) found.set(ip.PrivateIpAddress, each.NetworkInterfaceId);
    }
  }
  return found;
}
