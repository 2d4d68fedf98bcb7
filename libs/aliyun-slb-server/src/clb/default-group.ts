import { type Action, type Call, write } from '../api/action.ts';
import { addGroup, newBackend } from '../world/additions.ts';
import { type Backend, type Group, isSameBackend, type LoadBalancer, type State } from '../world/state.ts';
import { backendsOf, checkQuotas, type GivenBackend } from './backends.ts';
import { clbInstance } from './load-balancers.ts';

/** Members of a default group have no port: each listener says its own. */
const NO_PORT = 0;

/** The actions on the default group of a CLB instance, which the instance has without a group being created. */
export const CLB_DEFAULT_GROUP_ACTIONS: Readonly<Record<string, Action>> = {
  AddBackendServers: changesDefault((call, { members, given, balancer }) => {
    const added = given.filter((each) => !members.some((member) => isSameBackend(member, each)));
    checkQuotas({ world: call.world, state: call.state, balancer, added });
    return [...members, ...added.map((each) => newBackend(call.world, each))];
  }),
  SetBackendServers: changesDefault((_, { members, given }) =>
    members.map((member) => {
      const change = given.find((each) => isSameBackend(member, each));
      return change ? { ...member, weight: change.weight ?? member.weight } : member;
    }),
  ),
  RemoveBackendServers: changesDefault((_, { members, given }) =>
    members.filter((member) => !given.some((each) => isSameBackend(member, each))),
  ),
};

/** Id of the default group of an instance in the state; the API has none. */
export function defaultGroupId(loadBalancerId: string): string {
  return `default:${loadBalancerId}`;
}

export function isDefaultGroup({ id, loadBalancerId }: Group): boolean {
  return loadBalancerId !== undefined && id === defaultGroupId(loadBalancerId);
}

/** The members of the default group as the API shows them. */
export function defaultMembers(state: State, loadBalancerId: string) {
  const members = state.groups.get(defaultGroupId(loadBalancerId))?.backends ?? [];
  return members.map(({ serverId, serverIp, type, weight, description }) => ({
    ServerId: serverId,
    ServerIp: serverIp,
    Type: type,
    Weight: weight,
    Description: description,
  }));
}

function changesDefault(
  plan: (
    call: Call,
    target: { members: readonly Backend[]; given: readonly GivenBackend[]; balancer: LoadBalancer },
  ) => Backend[],
): Action {
  return write((call) => {
    const { parameters, world, state } = call;
    const balancer = clbInstance(state, parameters.required('LoadBalancerId'));
    const given = backendsOf(parameters.required('BackendServers'), world, { port: NO_PORT });
    const id = defaultGroupId(balancer.id);
    const members = plan(call, { members: state.groups.get(id)?.backends ?? [], given, balancer });
    world.checkNotConfiguring(balancer, 'BackendServer.configuring');
    const group = state.groups.get(id) ?? addGroup(world, state, { id, name: '', loadBalancerId: balancer.id });
    group.backends = members;
    world.beginConfiguring(balancer);
    return { LoadBalancerId: balancer.id, BackendServers: { BackendServer: defaultMembers(state, balancer.id) } };
  });
}
