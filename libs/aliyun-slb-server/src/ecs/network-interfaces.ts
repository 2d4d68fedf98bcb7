import { type Action, read } from '../api/action.ts';
import { ApiError } from '../api/api-error.ts';

const MAX_ADDRESSES = 100;

/** The one action of ECS that CCM and the adapter use: which network interface has the address of a Pod. */
export const ECS_ACTIONS: Readonly<Record<string, Action>> = {
  DescribeNetworkInterfaces: read(({ parameters, world }) => {
    const addresses = parameters.list('PrivateIpAddress');
    if (addresses.length > MAX_ADDRESSES) {
      throw new ApiError(400, 'InvalidParameter', `PrivateIpAddress has more than ${MAX_ADDRESSES} items.`);
    }
    const found = new Map<string, string[]>();
    for (const address of addresses) {
      const id = world.interfaceOf(address);
      if (id !== undefined) found.set(id, [...(found.get(id) ?? []), address]);
    }
    const shown = [...found].map(([id, ips]) => ({
      NetworkInterfaceId: id,
      Status: 'InUse',
      PrivateIpSets: { PrivateIpSet: ips.map((ip, index) => ({ PrivateIpAddress: ip, Primary: index === 0 })) },
    }));
    return { TotalCount: shown.length, NetworkInterfaceSets: { NetworkInterfaceSet: shown } };
  }),
};
