import type { VendorCall } from '../vendor-client.ts';
import type { CcmBackend } from './backends.ts';
import { batchesOf, type Cloud, type CloudOptions, listIn, patient, textIn } from './cloud.ts';
import { CCM_NAMES } from './service.ts';

type Instance = { LoadBalancerId: string; Address: string };
type ShownGroup = { VServerGroupId: string; VServerGroupName: string };
type ShownListener = { ListenerPort: number; ListenerProtocol: string; VServerGroupId: string };
type ShownBackend = {
  ServerId: string;
  ServerIp: string;
  Type: string;
  Port: number;
  Weight: number;
  Description: string;
};

/** CCM's calls of CLB. */
export function clbCloud(options: CloudOptions): Cloud {
  const call = patient(options);
  return { ...instances(call), ...listeners(call), ...groups(call, options.batch) };
}

function instances(call: VendorCall): Pick<Cloud, 'find' | 'create' | 'delete'> {
  return {
    async find(name) {
      const answer = await call('Slb', 'DescribeLoadBalancers', { Tag: [{ Key: CCM_NAMES.serviceTag, Value: name }] });
      const [found] = listIn<Instance>(answer.LoadBalancers, 'LoadBalancer');
      return found && { id: found.LoadBalancerId, ingress: { ip: found.Address } };
    },
    async create(name, clusterId) {
      const Tag = [
        { Key: CCM_NAMES.serviceTag, Value: name },
        { Key: CCM_NAMES.clusterTag, Value: clusterId },
      ];
      const answer = await call('Slb', 'CreateLoadBalancer', { LoadBalancerName: name, ClientToken: name, Tag });
      return { id: textIn(answer, 'LoadBalancerId'), ingress: { ip: textIn(answer, 'Address') } };
    },
    async delete(LoadBalancerId) {
      await call('Slb', 'DeleteLoadBalancer', { LoadBalancerId });
    },
  };
}

function listeners(call: VendorCall): Pick<Cloud, 'listeners' | 'createListener' | 'deleteListener'> {
  return {
    async listeners(LoadBalancerId) {
      const answer = await call('Slb', 'DescribeLoadBalancerListeners', { LoadBalancerId: [LoadBalancerId] });
      return listIn<ShownListener>(answer, 'Listeners').map((each) => ({
        id: `${each.ListenerProtocol}:${each.ListenerPort}`,
        port: each.ListenerPort,
        protocol: each.ListenerProtocol.toUpperCase(),
        groupId: each.VServerGroupId,
      }));
    },
    async createListener(LoadBalancerId, { port, protocol, groupId, description }) {
      const listener = { LoadBalancerId, ListenerPort: port, ListenerProtocol: protocol.toLowerCase() };
      const rest = { VServerGroupId: groupId, Description: description, Bandwidth: -1 };
      await call('Slb', `CreateLoadBalancer${protocol}Listener`, { ...listener, ...rest });
      await call('Slb', 'StartLoadBalancerListener', listener);
    },
    async deleteListener(LoadBalancerId, { port, protocol }) {
      const listener = { LoadBalancerId, ListenerPort: port, ListenerProtocol: protocol.toLowerCase() };
      await call('Slb', 'DeleteLoadBalancerListener', listener);
    },
  };
}

function groups(
  call: VendorCall,
  size: number,
): Pick<Cloud, 'groups' | 'createGroup' | 'deleteGroup' | 'members' | 'add' | 'remove' | 'update'> {
  const change = async (action: string, VServerGroupId: string, backends: readonly CcmBackend[]) => {
    for (const batch of batchesOf(backends, size)) {
      await call('Slb', action, { VServerGroupId, BackendServers: JSON.stringify(batch.map(asJson)) });
    }
  };
  return {
    async groups(LoadBalancerId) {
      const answer = await call('Slb', 'DescribeVServerGroups', { LoadBalancerId });
      const found = listIn<ShownGroup>(answer.VServerGroups, 'VServerGroup');
      return found.map(({ VServerGroupId: id, VServerGroupName: name }) => ({ id, name }));
    },
    async createGroup(LoadBalancerId, { name }) {
      const answer = await call('Slb', 'CreateVServerGroup', { LoadBalancerId, VServerGroupName: name });
      return { id: textIn(answer, 'VServerGroupId'), name };
    },
    async deleteGroup(VServerGroupId) {
      await call('Slb', 'DeleteVServerGroup', { VServerGroupId });
    },
    async members(VServerGroupId) {
      const answer = await call('Slb', 'DescribeVServerGroupAttribute', { VServerGroupId });
      return listIn<ShownBackend>(answer.BackendServers, 'BackendServer').map((each) => ({
        serverId: each.ServerId,
        serverIp: each.ServerIp,
        type: each.Type,
        port: each.Port,
        weight: each.Weight,
        description: each.Description,
      }));
    },
    add: (groupId, backends) => change('AddVServerGroupBackendServers', groupId, backends),
    remove: (groupId, backends) => change('RemoveVServerGroupBackendServers', groupId, backends),
    update: (groupId, backends) => change('SetVServerGroupAttribute', groupId, backends),
  };
}

function asJson({ serverId, serverIp, type, port, weight, description }: CcmBackend) {
  return {
    ServerId: serverId,
    ServerIp: serverIp,
    Type: type,
    Port: `${port}`,
    Weight: `${weight}`,
    Description: description,
  };
}
