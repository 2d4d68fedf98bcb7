import type { Backend, Group, Listener, LoadBalancer, State } from './state.ts';
import type { World } from './world.ts';

/** Adds an instance. Its address is from a network that is reserved for documentation, so it leads nowhere. */
export function addLoadBalancer(
  world: World,
  state: State,
  { product, ...given }: Pick<LoadBalancer, 'product' | 'name' | 'regionId' | 'tags'> & { id?: string },
): LoadBalancer {
  const id = given.id ?? world.newId(product === 'Slb' ? 'lb' : 'nlb');
  const taken = new Set([...state.loadBalancers.values()].map((each) => each.address));
  const number =
    Array.from({ length: 254 }, (_, index) => index + 1).find((each) => !taken.has(`203.0.113.${each}`)) ?? 255;
  const address = product === 'Slb' ? `203.0.113.${number}` : `${id}.${given.regionId}.nlb.example.com`;
  const balancer: LoadBalancer = { ...given, id, product, address, configuringUntilMs: 0 };
  state.loadBalancers.set(id, balancer);
  return balancer;
}

/** Adds a vServer group (`loadBalancerId` is set) or a server group of NLB. */
export function addGroup(
  world: World,
  state: State,
  given: { name: string; loadBalancerId?: string } & Partial<Pick<Group, 'id' | 'tags' | 'protocol' | 'type'>>,
): Group {
  const id = given.id ?? world.newId(given.loadBalancerId === undefined ? 'sgp' : 'rsp');
  const group: Group = { tags: [], protocol: 'TCP', type: 'Instance', backends: [], ...given, id };
  state.groups.set(id, group);
  return group;
}

/** Adds a listener that runs. */
export function addListener(
  world: World,
  state: State,
  given: Pick<Listener, 'loadBalancerId' | 'port' | 'groupId'> & Partial<Listener>,
): Listener {
  const id = given.id ?? world.newId('lsn');
  const listener: Listener = { protocol: 'tcp', description: '', isRunning: true, isHealthChecked: true, ...given, id };
  state.listeners.set(id, listener);
  return listener;
}

/** A backend with defaults for what is not given. */
export function newBackend(world: World, given: Pick<Backend, 'serverId' | 'port'> & Partial<Backend>): Backend {
  const defaults = { serverIp: '', type: 'eni', weight: 100, description: '', status: 'Available' } as const;
  return { ...defaults, addedAtMs: world.now(), ...given };
}
