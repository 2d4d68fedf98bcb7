import { type Action, type Call, read, write } from '../api/action.ts';
import { ApiError } from '../api/api-error.ts';
import { wholeNumber } from '../api/parameters.ts';
import { addGroup, newBackend } from '../world/additions.ts';
import { type Backend, type Group, isSameBackend, type LoadBalancer, type State } from '../world/state.ts';
import type { World } from '../world/world.ts';
import { isDefaultGroup } from './default-group.ts';
import { clbInstance, listenersOf } from './load-balancers.ts';

/** The actions of CLB on vServer groups, and the one that reads health. */
export const CLB_BACKEND_ACTIONS: Readonly<Record<string, Action>> = {
  CreateVServerGroup: write(({ parameters, world, state }) => {
    const balancer = clbInstance(state, parameters.required('LoadBalancerId'));
    world.checkNotConfiguring(balancer, 'ServiceIsConfiguring');
    const given = backendsOf(parameters.optional('BackendServers') ?? '[]', world);
    checkQuotas({ world, state, balancer, added: given });
    const name = parameters.optional('VServerGroupName') ?? '';
    const group = addGroup(world, state, { name, loadBalancerId: balancer.id });
    group.backends = given.map((each) => newBackend(world, each));
    world.beginConfiguring(balancer);
    return { VServerGroupId: group.id, ...membersOf(group) };
  }),
  DeleteVServerGroup: write(({ parameters, world, state }) => {
    const { group, balancer } = vServerGroup(state, parameters.required('VServerGroupId'));
    if (listenersOf(state, balancer.id).some(({ groupId }) => groupId === group.id)) {
      throw new ApiError(400, 'RspoolVipExist', 'There are vips using this rspool.');
    }
    world.checkNotConfiguring(balancer, 'ServiceIsConfiguring');
    state.groups.delete(group.id);
    world.beginConfiguring(balancer);
    return {};
  }),
  DescribeVServerGroups: read(({ parameters, state }) => {
    const { id } = clbInstance(state, parameters.required('LoadBalancerId'));
    const groups = [...state.groups.values()].filter((group) => group.loadBalancerId === id && !isDefaultGroup(group));
    const includesListeners = parameters.optional('IncludeListener') === 'true';
    const shown = groups.map((group) => ({
      VServerGroupId: group.id,
      VServerGroupName: group.name,
      ServerCount: group.backends.length,
      ...(includesListeners ? { AssociatedObjects: { Listeners: { Listener: listenersAt(state, group) } } } : {}),
    }));
    return { VServerGroups: { VServerGroup: shown } };
  }),
  DescribeVServerGroupAttribute: read(({ parameters, state }) => {
    const { group } = vServerGroup(state, parameters.required('VServerGroupId'));
    const { id, name, loadBalancerId } = group;
    return { VServerGroupId: id, VServerGroupName: name, LoadBalancerId: loadBalancerId, ...membersOf(group) };
  }),
  AddVServerGroupBackendServers: changesMembers((call, { group, balancer }) => {
    const given = backendsOf(call.parameters.required('BackendServers'), call.world);
    // A backend that is already a member stays as it is.
    const added = given.filter((each) => !group.backends.some((member) => isSameBackend(member, each)));
    checkQuotas({ world: call.world, state: call.state, balancer, added });
    return () => [...group.backends, ...added.map((each) => newBackend(call.world, each))];
  }),
  RemoveVServerGroupBackendServers: changesMembers(({ parameters, world }, { group }) => {
    const given = backendsOf(parameters.required('BackendServers'), world);
    return () => group.backends.filter((member) => !given.some((each) => isSameBackend(member, each)));
  }),
  ModifyVServerGroupBackendServers: changesMembers((call, { group, balancer }) => {
    const old = backendsOf(call.parameters.required('OldBackendServers'), call.world);
    const added = backendsOf(call.parameters.required('NewBackendServers'), call.world);
    checkQuotas({ world: call.world, state: call.state, balancer, added });
    const staying = group.backends.filter((member) => !old.some((each) => isSameBackend(member, each)));
    return () => [...staying, ...added.map((each) => newBackend(call.world, each))];
  }),
  SetVServerGroupAttribute: changesMembers(({ parameters, world }, { group }) => {
    const given = backendsOf(parameters.optional('BackendServers') ?? '[]', world);
    const name = parameters.optional('VServerGroupName') ?? group.name;
    return () => {
      group.name = name;
      return group.backends.map((member) => {
        const change = given.find((each) => isSameBackend(member, each));
        if (!change) return member;
        return {
          ...member,
          weight: change.weight ?? member.weight,
          description: change.description ?? member.description,
        };
      });
    };
  }),
  DescribeHealthStatus: read(({ parameters, world, state }) => {
    const balancer = clbInstance(state, parameters.required('LoadBalancerId'));
    const port = parameters.optional('ListenerPort');
    const listeners = listenersOf(state, balancer.id).filter(
      (each) => each.isRunning && (port ?? `${each.port}`) === `${each.port}`,
    );
    const shown = listeners.flatMap((listener) =>
      (state.groups.get(listener.groupId)?.backends ?? []).map((backend) => ({
        ListenerPort: listener.port,
        Protocol: listener.protocol,
        ServerId: backend.serverId,
        ServerIp: backend.serverIp,
        Port: backend.port || listener.port,
        Type: backend.type,
        ServerHealthStatus: world.healthOf(backend, listener),
      })),
    );
    return { BackendServers: { BackendServer: shown } };
  }),
};

export type GivenBackend = Pick<Backend, 'serverId' | 'serverIp' | 'port' | 'type'> &
  Partial<Pick<Backend, 'weight' | 'description'>>;

/** An action that replaces the members of a group. `plan` checks the call; the function that it returns makes the change. */
function changesMembers(
  plan: (call: Call, target: { group: Group; balancer: LoadBalancer }) => () => Backend[],
): Action {
  return write((call) => {
    const target = vServerGroup(call.state, call.parameters.required('VServerGroupId'));
    const change = plan(call, target);
    call.world.checkNotConfiguring(target.balancer, 'BackendServer.configuring');
    target.group.backends = change();
    call.world.beginConfiguring(target.balancer);
    return { VServerGroupId: target.group.id, VServerGroupName: target.group.name, ...membersOf(target.group) };
  });
}

/** The API answers an unknown group with a general code; only the message names the parameter. */
function vServerGroup(state: State, id: string): { group: Group; balancer: LoadBalancer } {
  const group = state.groups.get(id);
  if (group?.loadBalancerId === undefined) {
    throw new ApiError(400, 'InvalidParameter', 'The specified VServerGroupId does not exist.');
  }
  return { group, balancer: clbInstance(state, group.loadBalancerId) };
}

/** Reads the parameter that carries backends as JSON text. @param absent what a backend has that does not say it */
export function backendsOf(text: string, { settings }: World, absent: { port?: number } = {}): GivenBackend[] {
  const list = jsonOf(text);
  if (!Array.isArray(list)) throw invalid('BackendServers');
  if (list.length > settings.clbBatchLimit) {
    throw new ApiError(
      400,
      'InvalidParameter',
      `The number of BackendServers exceeds the limit of ${settings.clbBatchLimit}.`,
    );
  }
  return list.map((each) => givenBackend(new Map(Object.entries(Object(each))), absent));
}

function givenBackend(fields: ReadonlyMap<string, unknown>, absent: { port?: number }): GivenBackend {
  const textOf = (name: string) => (fields.has(name) ? String(fields.get(name)) : undefined);
  const type = textOf('Type') ?? 'ecs';
  const serverId = textOf('ServerId') ?? '';
  if (serverId === '' || !['ecs', 'eni', 'eci'].includes(type)) throw invalid('BackendServers');
  const description = textOf('Description');
  if (description !== undefined && description.length > 80) throw invalid('Description');
  const weight = textOf('Weight');
  return {
    serverId,
    serverIp: textOf('ServerIp') ?? '',
    type,
    port:
      fields.has('Port') || absent.port === undefined
        ? wholeNumber(textOf('Port') ?? '', { name: 'Port', min: 1, max: 65_535 })
        : absent.port,
    ...(weight === undefined ? {} : { weight: wholeNumber(weight, { name: 'Weight', min: 0, max: 100 }) }),
    ...(description === undefined ? {} : { description }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('BackendServers');
  }
}

function invalid(name: string): ApiError {
  return new ApiError(400, 'InvalidParameter', `The specified parameter ${name} is not valid.`);
}

export function checkQuotas(options: {
  world: World;
  state: State;
  balancer: LoadBalancer;
  added: readonly GivenBackend[];
}): void {
  const { world, state, balancer, added } = options;
  const groups = [...state.groups.values()].filter(({ loadBalancerId }) => loadBalancerId !== undefined);
  const own = groups.filter(({ loadBalancerId }) => loadBalancerId === balancer.id);
  const count = own.reduce((sum, group) => sum + group.backends.length, 0);
  if (count + added.length > world.settings.backendsPerInstance) {
    throw new ApiError(
      400,
      'InstanceBackendServerNumberOverLimit',
      'The number of backend servers of the instance is over the limit.',
    );
  }
  const all = groups.flatMap(({ backends }) => backends);
  for (const { serverId, serverIp } of added) {
    // Several Pods share a network interface, each with an address of its own.
    const isServer = (each: GivenBackend) => each.serverId === serverId && each.serverIp === serverIp;
    const times = [...all, ...added].filter(isServer).length;
    if (times <= world.settings.backendsPerServer) continue;
    throw new ApiError(
      400,
      'QuotaLimitExceeds.BackendServerAttachedNum',
      `The server ${serverId} is a backend too often.`,
    );
  }
}

function membersOf(group: Group) {
  return {
    BackendServers: {
      BackendServer: group.backends.map(({ serverId, serverIp, port, type, weight, description }) => ({
        ServerId: serverId,
        ServerIp: serverIp,
        Port: port,
        Type: type,
        Weight: weight,
        Description: description,
      })),
    },
  };
}

function listenersAt(state: State, group: Group) {
  const own = [...state.listeners.values()].filter(({ groupId }) => groupId === group.id);
  return own.map(({ port, protocol }) => ({ Port: port, Protocol: protocol }));
}
