import { type Action, read } from '../api/action.ts';

/** The one action of ECS that adapters need: which network interface has an address. Every address has one of its own, but for those of 192.0.2.0/24, which is reserved for documentation. */
export const ECS_ACTIONS: Readonly<Record<string, Action>> = {
  DescribeNetworkInterfaces: read(({ parameters }) => {
    const found = parameters.list('PrivateIpAddress').filter((ip) => !ip.startsWith('192.0.2.'));
    return {
      TotalCount: found.length,
      NetworkInterfaceSets: {
        NetworkInterfaceSet: found.map((ip) => ({
          NetworkInterfaceId: interfaceOf(ip),
          PrivateIpAddress: ip,
          PrivateIpSets: { PrivateIpSet: [{ PrivateIpAddress: ip, Primary: true }] },
        })),
      },
    };
  }),
};

/** Id of the network interface with this address. */
export function interfaceOf(ip: string): string {
  return `eni-${ip}`;
}
