import { type Action, read, write } from '../api/action.ts';
import { ApiError } from '../api/api-error.ts';
import { hasTag, tagOf } from '../clb/load-balancers.ts';
import { addListener, addLoadBalancer } from '../world/additions.ts';
import type { Backend, Listener, LoadBalancer, State } from '../world/state.ts';
import type { World } from '../world/world.ts';
import { serverGroup } from './server-groups.ts';

/** The actions of NLB on instances, listeners and jobs, and the one that reads health. */
export const NLB_LOAD_BALANCER_ACTIONS: Readonly<Record<string, Action>> = {
  CreateLoadBalancer: write(({ parameters, world, state, regionId }) => {
    const name = parameters.optional('LoadBalancerName') ?? '';
    const tags = parameters.objects('Tag').map(tagOf);
    const { id } = addLoadBalancer(world, state, { product: 'Nlb', regionId, name, tags });
    // The API spells the field so.
    return { LoadbalancerId: id };
  }),
  DeleteLoadBalancer: write(({ parameters, world, state }) => {
    const { id } = nlbInstance(state, parameters.required('LoadBalancerId'));
    return { JobId: world.addJob(state, { loadBalancerId: id, change: { do: 'deleteLoadBalancer' } }) };
  }),
  GetLoadBalancerAttribute: read(({ parameters, state }) =>
    instanceOf(nlbInstance(state, parameters.required('LoadBalancerId'))),
  ),
  ListLoadBalancers: read(({ parameters, state, regionId }) => {
    const ids = parameters.list('LoadBalancerIds');
    const tags = parameters.objects('Tag').map(tagOf);
    const found = [...state.loadBalancers.values()].filter(
      (each) =>
        each.product === 'Nlb' &&
        each.regionId === regionId &&
        (ids.length === 0 || ids.includes(each.id)) &&
        tags.every((tag) => hasTag(each.tags, tag)),
    );
    return { TotalCount: found.length, MaxResults: 100, LoadBalancers: found.map(instanceOf) };
  }),
  CreateListener: write(({ parameters, world, state }) => {
    const balancer = nlbInstance(state, parameters.required('LoadBalancerId'));
    const port = parameters.integer('ListenerPort', { min: 1, max: 65_535 });
    const protocol = parameters.required('ListenerProtocol');
    const group = serverGroup(state, parameters.required('ServerGroupId'));
    const existing = [...state.listeners.values()].filter((each) => each.loadBalancerId === balancer.id);
    if (existing.some((each) => each.port === port)) {
      throw new ApiError(400, 'ResourceAlreadyExist.Listener', 'The specified resource Listener already exists.');
    }
    if (existing.length >= world.settings.listenersPerInstance) {
      throw new ApiError(400, 'QuotaExceeded.LoadBalancerListenersNum', 'The quota of listeners is exceeded.');
    }
    const description = parameters.optional('ListenerDescription') ?? '';
    const given = { loadBalancerId: balancer.id, port, protocol, groupId: group.id, description };
    const { id } = addListener(world, state, given);
    return { ListenerId: id, JobId: world.addJob(state, { listenerId: id, change: { do: 'create' } }) };
  }),
  DeleteListener: write(({ parameters, world, state }) => {
    const { id } = nlbListener(state, parameters.required('ListenerId'));
    return { JobId: world.addJob(state, { listenerId: id, change: { do: 'deleteListener' } }) };
  }),
  ListListeners: read(({ parameters, state }) => {
    const ids = parameters.list('ListenerIds');
    const balancers = parameters.list('LoadBalancerIds');
    const found = [...state.listeners.values()].filter(
      (each) =>
        state.loadBalancers.get(each.loadBalancerId)?.product === 'Nlb' &&
        (ids.length === 0 || ids.includes(each.id)) &&
        (balancers.length === 0 || balancers.includes(each.loadBalancerId)),
    );
    return { TotalCount: found.length, MaxResults: 100, Listeners: found.map(listenerOf) };
  }),
  GetListenerHealthStatus: read(({ parameters, state, world }) => {
    const listener = nlbListener(state, parameters.required('ListenerId'));
    return { ListenerHealthStatus: [healthOf(world, state, listener)], TotalCount: 1, MaxResults: 30 };
  }),
  // A job is not part of the lagging reads: its id is as new as itself.
  GetJobStatus: read(({ parameters, world }) => {
    const job = world.state().jobs.get(parameters.required('JobId'));
    if (!job) throw new ApiError(404, 'ResourceNotFound.job', 'The specified resource of job is not found.');
    return { Status: job.status };
  }),
};

/** @throws ApiError if there is no such NLB instance */
function nlbInstance(state: State, id: string): LoadBalancer {
  const balancer = state.loadBalancers.get(id);
  if (balancer?.product === 'Nlb') return balancer;
  throw new ApiError(404, 'ResourceNotFound.loadBalancer', 'The specified resource of loadbalancer is not found.');
}

function nlbListener(state: State, id: string): Listener {
  const listener = state.listeners.get(id);
  if (listener && state.loadBalancers.get(listener.loadBalancerId)?.product === 'Nlb') return listener;
  throw new ApiError(404, 'ResourceNotFound.listener', 'The specified resource of listener is not found.');
}

function instanceOf({ id, name, regionId, address, tags }: LoadBalancer) {
  return {
    LoadBalancerId: id,
    LoadBalancerName: name,
    LoadBalancerType: 'Network',
    LoadBalancerStatus: 'Active',
    LoadBalancerBusinessStatus: 'Normal',
    RegionId: regionId,
    DNSName: address,
    AddressType: 'Internet',
    Tags: tags.map(({ key, value }) => ({ Key: key, Value: value })),
  };
}

function listenerOf({ id, loadBalancerId, port, protocol, groupId, description, isRunning }: Listener) {
  return {
    ListenerId: id,
    LoadBalancerId: loadBalancerId,
    ListenerPort: port,
    ListenerProtocol: protocol,
    ServerGroupId: groupId,
    ListenerDescription: description,
    ListenerStatus: isRunning ? 'Running' : 'Stopped',
  };
}

/** NLB lists only the servers that are not normal. */
function healthOf(world: World, state: State, listener: Listener) {
  const servers = state.groups.get(listener.groupId)?.backends ?? [];
  const notNormal = servers.flatMap((backend) => {
    const status = abnormalityOf(world, backend, listener);
    if (status === undefined) return [];
    const { serverId, serverIp, port } = backend;
    return [{ ServerId: serverId, ServerIp: serverIp, Port: port, Status: status, Reason: { ReasonCode: '' } }];
  });
  return {
    ListenerId: listener.id,
    ListenerPort: listener.port,
    ListenerProtocol: listener.protocol,
    ServerGroupInfos: [
      // The API spells the second field so.
      { ServerGroupId: listener.groupId, HeathCheckEnabled: listener.isHealthChecked, NonNormalServers: notNormal },
    ],
  };
}

function abnormalityOf(world: World, backend: Backend, listener: Listener): string | undefined {
  if (backend.weight === 0) return 'Unused';
  if (!listener.isHealthChecked) return 'Unavailable';
  const health = world.healthOf(backend, listener);
  if (health === 'normal') return undefined;
  return health === 'abnormal' ? 'Unhealthy' : 'Initial';
}
