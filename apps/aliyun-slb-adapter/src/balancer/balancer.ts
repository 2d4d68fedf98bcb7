// What the adapter needs of a load balancer, the same for each product.

/** A server group of a load balancer. */
export type Group = {
  readonly id: string;
  /** As its owner named it: the cloud controller writes Service and port into it. */
  readonly name: string;
  /** The listeners that send their requests to it. */
  readonly listeners: readonly string[];
};

/** A member of a server group. */
export type Server = {
  /** Instance or network interface; the address itself for some groups of NLB. */
  readonly serverId: string;
  readonly ip: string | undefined;
  /** Undefined for the default group of a CLB, whose listeners say the port. */
  readonly port: number | undefined;
  /** 0: it gets no new requests. */
  readonly weight: number;
  /** `ecs` is a node: requests reach the Pods behind it through kube-proxy. The others are Pods. */
  readonly type: 'ecs' | 'eni' | 'eci' | 'ip';
  readonly description: string;
  /** The product still applies a change of it, so whether it has traffic is not certain. */
  readonly isChanging: boolean;
};

/** `unknown`: not checked yet, or not at all. */
export type Health = 'normal' | 'abnormal' | 'unknown';
/** Health of a server on every listener of its group: the worst one counts. */
export type HealthOf = (group: Group, server: Server) => Health;

export type BalancerCall = {
  readonly loadBalancer: string;
  readonly signal: AbortSignal;
};

/** One product. All methods throw a CloudError if the API answers with an error. */
export type Balancer = {
  readonly product: 'clb' | 'nlb';
  /** Whether a server without weight is checked, so that it can be seen healthy before it gets requests. */
  readonly checksWeightless: boolean;
  /** The groups that listeners use. */
  groups(call: BalancerCall): Promise<readonly Group[]>;
  servers(group: string, call: BalancerCall): Promise<readonly Server[]>;
  health(groups: readonly Group[], call: BalancerCall): Promise<HealthOf>;
  /** Adds servers. When it resolves, the product has accepted the change, but may still apply it. */
  add(group: string, servers: readonly Server[], call: BalancerCall): Promise<void>;
  /** Changes weights to those given. */
  weigh(group: string, servers: readonly Server[], call: BalancerCall): Promise<void>;
  remove(group: string, servers: readonly Server[], call: BalancerCall): Promise<void>;
};

/** Id of the default group of a CLB, which is part of the load balancer and has no id of its own. */
export const DEFAULT_GROUP = 'default';

/** Identifies a server in its group. */
export function serverKey({ serverId, ip, port }: Pick<Server, 'serverId' | 'ip' | 'port'>): string {
  return `${ip ?? serverId}:${port ?? ''}`;
}

/** An answer may lack any field: lists are empty then. */
export function listIn<T>(list: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(list) ? list : [];
}
