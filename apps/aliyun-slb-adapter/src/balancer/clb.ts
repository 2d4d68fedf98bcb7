// The classic load balancer, with the API that is called Slb.
import type { CloudApi, Parameters } from '../cloud/api.ts';
import {
  type Balancer,
  type BalancerCall,
  DEFAULT_GROUP,
  type Group,
  type Health,
  type HealthOf,
  listIn,
  type Server,
} from './balancer.ts';

type Backend = {
  ServerId?: string;
  ServerIp?: string;
  Port?: number | string;
  Weight?: number | string;
  Type?: string;
  Description?: string;
};
type Backends = { BackendServers?: { BackendServer?: Backend[] } };
type Attribute = Backends & {
  ListenerPortsAndProtocol?: { ListenerPortAndProtocol?: { ListenerPort?: number; ListenerProtocol?: string }[] };
};
type Associated = { Listeners?: { Listener?: { Port?: number; Protocol?: string }[] }; Rules?: { Rule?: unknown[] } };
type VServerGroup = { VServerGroupId?: string; VServerGroupName?: string; AssociatedObjects?: Associated };
type Groups = { VServerGroups?: { VServerGroup?: VServerGroup[] } };
type HealthEntry = {
  ListenerPort?: number;
  Protocol?: string;
  Port?: number | string;
  ServerHealthStatus?: string;
  ServerId?: string;
  ServerIp?: string;
};
type HealthStatus = { BackendServers?: { BackendServer?: HealthEntry[] } };

/** Calls of the API are synchronous: what a call has changed is in the next answer, though some nodes of a CLB follow later. */
export function classicLoadBalancer(api: Pick<CloudApi, 'call'>): Balancer {
  const call = <T extends object>(action: string, parameters: Parameters, { loadBalancer, signal }: BalancerCall) =>
    api.call<T>({ product: 'Slb', action, parameters }, { queue: loadBalancer, signal });
  const attributeOf = (of: BalancerCall) =>
    call<Attribute>('DescribeLoadBalancerAttribute', { LoadBalancerId: of.loadBalancer }, of);

  return {
    product: 'clb',
    checksWeightless: true,

    async groups(of) {
      const parameters = { LoadBalancerId: of.loadBalancer, IncludeListener: true, IncludeRule: true };
      const { VServerGroups } = await call<Groups>('DescribeVServerGroups', parameters, of);
      const groups = listIn(VServerGroups?.VServerGroup).map(groupOf);
      // Which listeners use the default group is in each listener alone; that some may is enough.
      return [...groups, { id: DEFAULT_GROUP, name: '', listeners: [DEFAULT_GROUP] }];
    },

    async servers(group, of) {
      const answer =
        group === DEFAULT_GROUP
          ? await attributeOf(of)
          : await call<Backends>('DescribeVServerGroupAttribute', { VServerGroupId: group }, of);
      return listIn(answer.BackendServers?.BackendServer).map(serverOf);
    },

    async health(_groups, of) {
      const parameters = { LoadBalancerId: of.loadBalancer };
      return healthIn(await call<HealthStatus>('DescribeHealthStatus', parameters, of));
    },

    async add(group, servers, of) {
      const action = group === DEFAULT_GROUP ? 'AddBackendServers' : 'AddVServerGroupBackendServers';
      await call(action, { ...targetOf(group, of), BackendServers: backendsOf(servers) }, of);
    },

    async weigh(group, servers, of) {
      const action = group === DEFAULT_GROUP ? 'SetBackendServers' : 'SetVServerGroupAttribute';
      await call(action, { ...targetOf(group, of), BackendServers: backendsOf(servers) }, of);
    },

    async remove(group, servers, of) {
      const action = group === DEFAULT_GROUP ? 'RemoveBackendServers' : 'RemoveVServerGroupBackendServers';
      await call(action, { ...targetOf(group, of), BackendServers: backendsOf(servers) }, of);
    },
  };
}

function targetOf(group: string, { loadBalancer }: BalancerCall): Parameters {
  return group === DEFAULT_GROUP ? { LoadBalancerId: loadBalancer } : { VServerGroupId: group };
}

function groupOf({ VServerGroupId = '', VServerGroupName = '', AssociatedObjects }: VServerGroup): Group {
  const listeners = listIn(AssociatedObjects?.Listeners?.Listener).map(({ Port, Protocol }) => `${Protocol}:${Port}`);
  const rules = listIn(AssociatedObjects?.Rules?.Rule).map((_, index) => `rule ${index + 1}`);
  return { id: VServerGroupId, name: VServerGroupName, listeners: [...listeners, ...rules] };
}

function serverOf({ ServerId = '', ServerIp, Port, Weight, Type, Description = '' }: Backend): Server {
  return {
    serverId: ServerId,
    ip: ServerIp || undefined,
    port: portOf(Port),
    weight: Number(Weight ?? 0),
    type: Type === 'eni' || Type === 'eci' ? Type : 'ecs',
    description: Description,
    isChanging: false,
  };
}

function portOf(port: number | string | undefined): number | undefined {
  return port === undefined || port === '' ? undefined : Number(port);
}

/** As the API takes them: a JSON array of objects whose values are texts. */
function backendsOf(servers: readonly Server[]): string {
  return JSON.stringify(
    servers.map(({ serverId, ip, port, weight, type, description }) => ({
      ServerId: serverId,
      ...(type === 'ecs' || ip === undefined ? {} : { ServerIp: ip }),
      Type: type,
      ...(port === undefined ? {} : { Port: String(port) }),
      Weight: String(weight),
      ...(description ? { Description: description } : {}),
    })),
  );
}

function healthIn({ BackendServers }: HealthStatus): HealthOf {
  const entries = listIn(BackendServers?.BackendServer);
  const byIp = Map.groupBy(entries, ({ ServerIp }) => ServerIp ?? '');
  const byId = Map.groupBy(entries, ({ ServerId }) => ServerId ?? '');
  return (_group, { serverId, ip, port }) => {
    // An interface has several addresses, so the address comes first.
    const own = (ip === undefined ? undefined : byIp.get(ip)) ?? byId.get(serverId) ?? [];
    const ofPort = own.filter(({ Port }) => port === undefined || portOf(Port) === port);
    return worstOf(ofPort.map(({ ServerHealthStatus }) => ServerHealthStatus));
  };
}

function worstOf(statuses: readonly (string | undefined)[]): Health {
  if (statuses.includes('abnormal')) return 'abnormal';
  return statuses.length > 0 && statuses.every((status) => status === 'normal') ? 'normal' : 'unknown';
}
