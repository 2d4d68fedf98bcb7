import { type Action, type Call, read, write } from '../api/action.ts';
import { ApiError } from '../api/api-error.ts';
import type { Parameters } from '../api/parameters.ts';
import { hasTag, tagOf } from '../clb/load-balancers.ts';
import { addGroup, newBackend } from '../world/additions.ts';
import { type Backend, type Group, isSameBackend, type JobChange, type State } from '../world/state.ts';
import { pageOf } from './pages.ts';

/** The actions of NLB on server groups and their servers. Writes are asynchronous: they answer with the id of a job. */
export const NLB_SERVER_GROUP_ACTIONS: Readonly<Record<string, Action>> = {
  CreateServerGroup: write(({ parameters, world, state }) => {
    const group = addGroup(world, state, {
      name: parameters.required('ServerGroupName'),
      protocol: parameters.optional('Protocol') ?? 'TCP',
      type: parameters.optional('ServerGroupType') ?? 'Instance',
      tags: parameters.objects('Tag').map(tagOf),
    });
    return { ServerGroupId: group.id, JobId: world.addJob(state, { groupId: group.id, change: { do: 'create' } }) };
  }),
  DeleteServerGroup: write(({ parameters, world, state }) => {
    const group = idleServerGroup(state, parameters.required('ServerGroupId'));
    if ([...state.listeners.values()].some(({ groupId }) => groupId === group.id)) {
      throw new ApiError(400, 'ResourceInUse.serverGroup', 'The specified resource of serverGroup is in use.');
    }
    return { JobId: world.addJob(state, { groupId: group.id, change: { do: 'deleteGroup' } }) };
  }),
  ListServerGroups: read(({ parameters, state }) => {
    const ids = parameters.list('ServerGroupIds');
    const names = parameters.list('ServerGroupNames');
    const tags = parameters.objects('Tag').map(tagOf);
    const found = serverGroupsOf(state).filter(
      (group) =>
        (ids.length === 0 || ids.includes(group.id)) &&
        (names.length === 0 || names.includes(group.name)) &&
        tags.every((tag) => hasTag(group.tags, tag)),
    );
    const { items, ...page } = pageOf(found, parameters);
    return { ...page, ServerGroups: items.map((group) => shownGroup(state, group)) };
  }),
  ListServerGroupServers: read(({ parameters, state }) => {
    const group = serverGroup(state, parameters.required('ServerGroupId'));
    const { items, ...page } = pageOf(group.backends, parameters);
    return { ...page, Servers: items.map((backend) => ({ ...shownServer(backend), ServerGroupId: group.id })) };
  }),
  AddServersToServerGroup: write((call) => {
    const { parameters, world, state } = call;
    const given = serversOf(call);
    const group = idleServerGroup(state, parameters.required('ServerGroupId'));
    if (given.some((each) => group.backends.some((member) => isSameBackend(member, each)))) {
      throw new ApiError(
        400,
        'ResourceAlreadyExist.BackendServer',
        'The specified resource BackendServer already exists.',
      );
    }
    const backends = given.map((each) => newBackend(world, { ...each, status: 'Adding' as const }));
    group.backends.push(...backends);
    return jobFor(call, group, { do: 'add', backends });
  }),
  RemoveServersFromServerGroup: write((call) => {
    const group = idleServerGroup(call.state, call.parameters.required('ServerGroupId'));
    const backends = membersNamed(call, group);
    for (const member of backends) member.status = 'Removing';
    return jobFor(call, group, { do: 'remove', backends });
  }),
  UpdateServerGroupServersAttribute: write((call) => {
    const group = idleServerGroup(call.state, call.parameters.required('ServerGroupId'));
    const backends = membersNamed(call, group);
    const given = serversOf(call);
    backends.forEach((member, index) => {
      member.status = 'Configuring';
      member.description = given[index]?.description ?? member.description;
    });
    return jobFor(call, group, { do: 'update', backends, weights: given.map(({ weight }) => weight) });
  }),
};

type GivenServer = Pick<Backend, 'serverId' | 'serverIp' | 'port' | 'type'> &
  Partial<Pick<Backend, 'weight' | 'description'>>;

/** @throws ApiError if there is no such server group */
export function serverGroup(state: State, id: string): Group {
  const group = state.groups.get(id);
  if (group && group.loadBalancerId === undefined) return group;
  throw new ApiError(404, 'ResourceNotFound.serverGroup', 'The specified resource of serverGroup is not found.');
}

/** @throws ApiError also while a job changes the server group */
function idleServerGroup(state: State, id: string): Group {
  const group = serverGroup(state, id);
  if (!isConfiguring(state, id)) return group;
  throw new ApiError(400, 'IncorrectStatus.serverGroup', 'The status of the server group is incorrect.');
}

function isConfiguring(state: State, groupId: string): boolean {
  return [...state.jobs.values()].some((job) => job.groupId === groupId && job.status === 'Processing');
}

function serverGroupsOf(state: State): Group[] {
  return [...state.groups.values()].filter(({ loadBalancerId }) => loadBalancerId === undefined);
}

function jobFor({ world, state }: Call, group: Group, change: JobChange) {
  return { ServerGroupId: group.id, JobId: world.addJob(state, { groupId: group.id, change }) };
}

function serversOf({ parameters, world }: Call): GivenServer[] {
  const servers = parameters.objects('Servers');
  if (servers.length === 0) parameters.required('Servers');
  if (servers.length > world.settings.nlbBatchLimit) {
    throw new ApiError(400, 'InvalidParameter', `Servers has more than ${world.settings.nlbBatchLimit} items.`);
  }
  return servers.map(givenServer);
}

function givenServer(parameters: Parameters): GivenServer {
  const type = parameters.required('ServerType');
  if (!['Ecs', 'Eni', 'Eci', 'Ip'].includes(type)) {
    throw new ApiError(400, 'IllegalParam.ServerType', 'The param of ServerType is illegal.');
  }
  const description = parameters.optional('Description');
  const hasWeight = parameters.optional('Weight') !== undefined;
  return {
    serverId: parameters.required('ServerId'),
    serverIp: parameters.optional('ServerIp') ?? '',
    type,
    port: parameters.integer('Port', { min: 0, max: 65_535, absent: 0 }),
    ...(hasWeight ? { weight: parameters.integer('Weight', { min: 0, max: 100 }) } : {}),
    ...(description === undefined ? {} : { description }),
  };
}

function membersNamed(call: Call, group: Group): Backend[] {
  return serversOf(call).map((each) => {
    const member = group.backends.find((backend) => isSameBackend(backend, each));
    if (member) return member;
    throw new ApiError(404, 'ResourceNotFound.BackendServer', 'The specified resource of BackendServer is not found.');
  });
}

function shownGroup(state: State, group: Group) {
  const listeners = [...state.listeners.values()].filter(({ groupId }) => groupId === group.id);
  return {
    ServerGroupId: group.id,
    ServerGroupName: group.name,
    ServerGroupStatus: isConfiguring(state, group.id) ? 'Configuring' : 'Available',
    ServerGroupType: group.type,
    Protocol: group.protocol,
    ServerCount: group.backends.length,
    RelatedLoadBalancerIds: [...new Set(listeners.map(({ loadBalancerId }) => loadBalancerId))],
    Tags: group.tags.map(({ key, value }) => ({ Key: key, Value: value })),
  };
}

function shownServer({ serverId, serverIp, type, port, weight, description, status }: Backend) {
  return {
    ServerId: serverId,
    ServerIp: serverIp,
    ServerType: type,
    Port: port,
    Weight: weight,
    Description: description,
    Status: status,
  };
}
