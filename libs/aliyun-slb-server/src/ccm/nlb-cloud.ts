import { sleep } from '@kuperator/runtime';
import type { VendorAnswer, VendorCall } from '../vendor-client.ts';
import type { CcmBackend } from './backends.ts';
import { batchesOf, type Cloud, type CloudOptions, listIn, patient, textIn } from './cloud.ts';
import { CCM_NAMES } from './service.ts';

type Instance = { LoadBalancerId: string; DNSName: string };
type ShownGroup = { ServerGroupId: string; ServerGroupName: string };
type ShownListener = { ListenerId: string; ListenerPort: number; ListenerProtocol: string; ServerGroupId: string };
type ShownServer = {
  ServerId: string;
  ServerIp: string;
  ServerType: string;
  Port: number;
  Weight: number;
  Description: string;
};

const JOB_POLL_MS = 200;
const JOB_POLLS = 300;

/** The calls of NLB that every part uses. */
type Calls = {
  call: VendorCall;
  /** Waits for the job of a write. */
  finish: (answer: VendorAnswer) => Promise<void>;
  /** All items of a list call, page by page. */
  all: <T>(action: string, name: string, parameters: Record<string, unknown>) => Promise<T[]>;
};

/** CCM's calls of NLB. Each write waits for its job. */
export function nlbCloud(options: CloudOptions): Cloud {
  const calls = callsWith(options);
  return { ...instances(calls), ...listeners(calls), ...groups(calls, options.batch) };
}

function callsWith(options: CloudOptions): Calls {
  const call = patient(options);
  const { clock, signal } = options;
  const finish = async (answer: VendorAnswer) => {
    const JobId = textIn(answer, 'JobId');
    for (let polls = 0; polls < JOB_POLLS && !signal.aborted; polls++) {
      const { Status } = await call('Nlb', 'GetJobStatus', { JobId });
      if (Status === 'Succeeded') return;
      if (Status === 'Failed') throw new Error(`job ${JobId} failed`);
      await sleep(clock, JOB_POLL_MS, signal);
    }
    throw new Error(`job ${JobId} does not end`);
  };
  const all = async <T>(action: string, name: string, parameters: Record<string, unknown>) => {
    const items: T[] = [];
    for (let NextToken: unknown = ''; NextToken !== undefined; ) {
      const page = await call('Nlb', action, { ...parameters, MaxResults: 100, NextToken });
      items.push(...listIn<T>(page, name));
      NextToken = page.NextToken;
    }
    return items;
  };
  return { call, finish, all };
}

function instances({ call, finish, all }: Calls): Pick<Cloud, 'find' | 'create' | 'delete'> {
  const attribute = async (LoadBalancerId: string) => {
    const answer = await call('Nlb', 'GetLoadBalancerAttribute', { LoadBalancerId });
    return { id: LoadBalancerId, ingress: { hostname: textIn(answer, 'DNSName') } };
  };
  return {
    async find(name) {
      const Tag = [{ Key: CCM_NAMES.serviceTag, Value: name }];
      const [found] = await all<Instance>('ListLoadBalancers', 'LoadBalancers', { Tag });
      return found && { id: found.LoadBalancerId, ingress: { hostname: found.DNSName } };
    },
    async create(name, clusterId) {
      const Tag = [
        { Key: CCM_NAMES.serviceTag, Value: name },
        { Key: CCM_NAMES.clusterTag, Value: clusterId },
      ];
      const answer = await call('Nlb', 'CreateLoadBalancer', { LoadBalancerName: name, ClientToken: name, Tag });
      return attribute(textIn(answer, 'LoadbalancerId'));
    },
    async delete(LoadBalancerId) {
      await finish(await call('Nlb', 'DeleteLoadBalancer', { LoadBalancerId }));
    },
  };
}

function listeners({ call, finish, all }: Calls): Pick<Cloud, 'listeners' | 'createListener' | 'deleteListener'> {
  return {
    async listeners(id) {
      const found = await all<ShownListener>('ListListeners', 'Listeners', { LoadBalancerIds: [id] });
      return found.map((each) => ({
        id: each.ListenerId,
        port: each.ListenerPort,
        protocol: each.ListenerProtocol,
        groupId: each.ServerGroupId,
      }));
    },
    async createListener(LoadBalancerId, { port, protocol, groupId, description }) {
      const listener = { LoadBalancerId, ListenerPort: port, ListenerProtocol: protocol };
      const rest = { ServerGroupId: groupId, ListenerDescription: description };
      await finish(await call('Nlb', 'CreateListener', { ...listener, ...rest }));
    },
    async deleteListener(_, { id }) {
      await finish(await call('Nlb', 'DeleteListener', { ListenerId: id }));
    },
  };
}

function groups(
  { call, finish, all }: Calls,
  size: number,
): Pick<Cloud, 'groups' | 'createGroup' | 'deleteGroup' | 'members' | 'add' | 'remove' | 'update'> {
  const change = async (action: string, ServerGroupId: string, backends: readonly CcmBackend[]) => {
    for (const batch of batchesOf(backends, size)) {
      await finish(await call('Nlb', action, { ServerGroupId, Servers: batch.map(asParameters) }));
    }
  };
  return {
    // A server group belongs to no instance, so CCM finds its own by their names.
    async groups() {
      const found = await all<ShownGroup>('ListServerGroups', 'ServerGroups', {});
      return found.map(({ ServerGroupId: id, ServerGroupName: name }) => ({ id, name }));
    },
    async createGroup(_, { name, protocol, tag }) {
      const Tag = [{ Key: CCM_NAMES.serviceTag, Value: tag }];
      const answer = await call('Nlb', 'CreateServerGroup', { ServerGroupName: name, Protocol: protocol, Tag });
      await finish(answer);
      return { id: textIn(answer, 'ServerGroupId'), name };
    },
    async deleteGroup(ServerGroupId) {
      await finish(await call('Nlb', 'DeleteServerGroup', { ServerGroupId }));
    },
    async members(ServerGroupId) {
      const servers = await all<ShownServer>('ListServerGroupServers', 'Servers', { ServerGroupId });
      return servers.map((each) => ({
        serverId: each.ServerId,
        serverIp: each.ServerIp,
        type: each.ServerType.toLowerCase(),
        port: each.Port,
        weight: each.Weight,
        description: each.Description,
      }));
    },
    add: (groupId, backends) => change('AddServersToServerGroup', groupId, backends),
    remove: (groupId, backends) => change('RemoveServersFromServerGroup', groupId, backends),
    update: (groupId, backends) => change('UpdateServerGroupServersAttribute', groupId, backends),
  };
}

function asParameters({ serverId, serverIp, type, port, weight, description }: CcmBackend) {
  return {
    ServerId: serverId,
    ...(serverIp === '' ? {} : { ServerIp: serverIp }),
    ServerType: type === 'ecs' ? 'Ecs' : 'Eni',
    Port: port,
    Weight: weight,
    Description: description,
  };
}
