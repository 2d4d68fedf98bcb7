import { type Action, type Call, read, write } from '../api/action.ts';
import { ApiError } from '../api/api-error.ts';
import { addLoadBalancer } from '../world/additions.ts';
import { removeLoadBalancer } from '../world/jobs.ts';
import type { Listener, LoadBalancer, State, Tag } from '../world/state.ts';
import { defaultMembers } from './default-group.ts';

/** The actions of CLB on instances and listeners. */
export const CLB_LOAD_BALANCER_ACTIONS: Readonly<Record<string, Action>> = {
  CreateLoadBalancer: write(({ parameters, world, state, regionId }) => {
    const { id, address, name } = addLoadBalancer(world, state, {
      product: 'Slb',
      regionId,
      name: parameters.optional('LoadBalancerName') ?? '',
      tags: parameters.objects('Tag').map(tagOf),
    });
    return {
      LoadBalancerId: id,
      LoadBalancerName: name,
      Address: address,
      AddressIPVersion: 'ipv4',
      NetworkType: 'vpc',
    };
  }),
  DeleteLoadBalancer: write(({ parameters, state }) => {
    const { id } = clbInstance(state, parameters.required('LoadBalancerId'));
    removeLoadBalancer(state, id);
    return {};
  }),
  DescribeLoadBalancers: read(({ parameters, state, regionId }) => {
    const wanted = parameters.optional('LoadBalancerId')?.split(',');
    const tags = parameters.objects('Tag').map(tagOf);
    const name = parameters.optional('LoadBalancerName');
    const found = [...state.loadBalancers.values()].filter(
      (each) =>
        each.product === 'Slb' &&
        each.regionId === regionId &&
        (wanted?.includes(each.id) ?? true) &&
        (name ?? each.name) === each.name &&
        tags.every((tag) => hasTag(each.tags, tag)),
    );
    const shown = found.map((each) => ({ ...instanceOf(each), CreateTime: '' }));
    return { TotalCount: found.length, PageNumber: 1, PageSize: found.length, LoadBalancers: { LoadBalancer: shown } };
  }),
  DescribeLoadBalancerAttribute: read(({ parameters, state }) => {
    const balancer = clbInstance(state, parameters.required('LoadBalancerId'));
    const listeners = listenersOf(state, balancer.id);
    return {
      ...instanceOf(balancer),
      ListenerPorts: { ListenerPort: listeners.map(({ port }) => port) },
      ListenerPortsAndProtocol: {
        ListenerPortAndProtocol: listeners.map(({ port, protocol, description }) => ({
          ListenerPort: port,
          ListenerProtocol: protocol,
          Description: description,
        })),
      },
      BackendServers: { BackendServer: defaultMembers(state, balancer.id) },
    };
  }),
  DescribeLoadBalancerListeners: read(({ parameters, state }) => {
    const ids = parameters.list('LoadBalancerId');
    const found = [...state.listeners.values()].filter(({ loadBalancerId }) => ids.includes(loadBalancerId));
    return {
      TotalCount: found.length,
      MaxResults: 100,
      Listeners: found.map((listener) => ({
        LoadBalancerId: listener.loadBalancerId,
        ListenerPort: listener.port,
        ListenerProtocol: listener.protocol,
        VServerGroupId: listener.groupId,
        Description: listener.description,
        Status: listener.isRunning ? 'running' : 'stopped',
      })),
    };
  }),
  CreateLoadBalancerTCPListener: createListener('tcp'),
  CreateLoadBalancerUDPListener: createListener('udp'),
  CreateLoadBalancerHTTPListener: createListener('http'),
  CreateLoadBalancerHTTPSListener: createListener('https'),
  StartLoadBalancerListener: write((call) => {
    const { listener, balancer } = namedListener(call);
    listener.isRunning = true;
    call.world.beginConfiguring(balancer);
    return {};
  }),
  DeleteLoadBalancerListener: write((call) => {
    const { listener, balancer } = namedListener(call);
    call.state.listeners.delete(listener.id);
    call.world.beginConfiguring(balancer);
    return {};
  }),
};

/** @throws ApiError if there is no such CLB instance */
export function clbInstance(state: State, id: string): LoadBalancer {
  const balancer = state.loadBalancers.get(id);
  if (balancer?.product === 'Slb') return balancer;
  throw new ApiError(404, 'InvalidLoadBalancerId.NotFound', 'The specified LoadBalancerId does not exist.');
}

/** The listeners of an instance, in the order of their ports. */
export function listenersOf(state: State, loadBalancerId: string): Listener[] {
  const own = [...state.listeners.values()].filter((listener) => listener.loadBalancerId === loadBalancerId);
  return own.toSorted((a, b) => a.port - b.port);
}

export function tagOf(parameters: Call['parameters']): Tag {
  return { key: parameters.required('Key'), value: parameters.optional('Value') ?? '' };
}

export function hasTag(tags: readonly Tag[], { key, value }: Tag): boolean {
  return tags.some((tag) => tag.key === key && tag.value === value);
}

function instanceOf({ id, name, regionId, address, tags }: LoadBalancer) {
  return {
    LoadBalancerId: id,
    LoadBalancerName: name,
    LoadBalancerStatus: 'active',
    RegionId: regionId,
    Address: address,
    AddressType: 'internet',
    NetworkType: 'vpc',
    Tags: { Tag: tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
  };
}

function createListener(protocol: string): Action {
  return write(({ parameters, world, state }) => {
    const balancer = clbInstance(state, parameters.required('LoadBalancerId'));
    const port = parameters.integer('ListenerPort', { min: 1, max: 65_535 });
    world.checkNotConfiguring(balancer, 'ServiceIsConfiguring');
    const existing = listenersOf(state, balancer.id);
    if (existing.some((each) => each.port === port && each.protocol === protocol)) {
      throw new ApiError(400, 'ListenerAlreadyExists', 'There is already a listener bound to the port.');
    }
    if (existing.length >= world.settings.listenersPerInstance) {
      throw new ApiError(400, 'QuotaLimitExceeds.ListenerNum', 'The number of listeners exceeds the quota.');
    }
    const id = world.newId('clb-listener');
    state.listeners.set(id, {
      id,
      loadBalancerId: balancer.id,
      port,
      protocol,
      groupId: parameters.optional('VServerGroupId') ?? '',
      description: parameters.optional('Description') ?? '',
      isRunning: false, // it must be started
      isHealthChecked: (parameters.optional('HealthCheckSwitch') ?? parameters.optional('HealthCheck')) !== 'off',
    });
    world.beginConfiguring(balancer);
    return {};
  });
}

function namedListener({ parameters, world, state }: Call): { listener: Listener; balancer: LoadBalancer } {
  const balancer = clbInstance(state, parameters.required('LoadBalancerId'));
  const port = parameters.integer('ListenerPort', { min: 1, max: 65_535 });
  const protocol = parameters.optional('ListenerProtocol');
  const found = listenersOf(state, balancer.id).filter((each) => each.port === port);
  const listener = found.find((each) => (protocol ?? each.protocol) === each.protocol);
  if (!listener) throw new ApiError(404, 'InvalidParameter', 'The specified resource does not exist.');
  world.checkNotConfiguring(balancer, 'ServiceIsConfiguring');
  return { listener, balancer };
}
