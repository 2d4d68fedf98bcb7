import type { BalancerProduct } from '../api/request.ts';

/** A member of a vServer group (CLB) or of a server group (NLB). */
export type Backend = {
  serverId: string;
  serverIp: string;
  /** In the spelling of the product: `ecs`, `eni`, `eci` in CLB; `Ecs`, `Eni`, `Eci`, `Ip` in NLB. */
  type: string;
  port: number;
  weight: number;
  description: string;
  addedAtMs: number;
  /** Only NLB shows it. */
  status: 'Adding' | 'Available' | 'Configuring' | 'Removing';
};

export type Tag = { key: string; value: string };

/** A group of backends. `loadBalancerId` is that of the CLB instance; an NLB server group belongs to no single instance. */
export type Group = {
  id: string;
  name: string;
  backends: Backend[];
  loadBalancerId?: string;
  tags: Tag[];
  /** Protocol and type of an NLB server group. */
  protocol: string;
  type: string;
};

export type Listener = {
  id: string;
  loadBalancerId: string;
  port: number;
  protocol: string;
  groupId: string;
  description: string;
  isRunning: boolean;
  isHealthChecked: boolean;
};

export type LoadBalancer = {
  id: string;
  product: BalancerProduct;
  name: string;
  regionId: string;
  /** The address of a CLB instance, the DNS name of an NLB instance. */
  address: string;
  tags: Tag[];
  /** Until when the instance applies its last change. */
  configuringUntilMs: number;
};

/** An asynchronous change of an NLB resource, which takes effect at `dueAtMs`. */
export type Job = {
  id: string;
  dueAtMs: number;
  status: 'Processing' | 'Succeeded' | 'Failed';
  groupId?: string;
  listenerId?: string;
  loadBalancerId?: string;
  change: JobChange;
};

export type JobChange =
  | { do: 'add' | 'remove' | 'update'; backends: BackendKey[]; weights?: (number | undefined)[] }
  | { do: 'deleteGroup' | 'deleteListener' | 'deleteLoadBalancer' | 'create' };

/** What tells the members of a group apart. */
export type BackendKey = Pick<Backend, 'serverId' | 'serverIp' | 'port'>;

/** All that the API shows. Plain data, so that an old state can be kept as a copy. */
export type State = {
  loadBalancers: Map<string, LoadBalancer>;
  groups: Map<string, Group>;
  listeners: Map<string, Listener>;
  jobs: Map<string, Job>;
};

export function emptyState(): State {
  return { loadBalancers: new Map(), groups: new Map(), listeners: new Map(), jobs: new Map() };
}

/** Whether a call that names `key` means this member. A call may leave the address out, as it does for ECS instances. */
export function isSameBackend(backend: BackendKey, key: BackendKey): boolean {
  const isSameAddress = key.serverIp === '' || backend.serverIp === '' || key.serverIp === backend.serverIp;
  return backend.serverId === key.serverId && backend.port === key.port && isSameAddress;
}
