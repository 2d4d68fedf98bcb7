import type { Endpoint, EndpointSlice, KubeObject } from '@kuperator/api';
import { type BalancedService, groupNameOf, hasNodeBackends, type ServicePort } from './service.ts';

/** A Node with what CCM reads of it. */
export type Node = KubeObject & { spec?: { providerID?: string } };

/** A backend as CCM wants it, or finds it. `type` is in the spelling of CLB. */
export type CcmBackend = {
  serverId: string;
  serverIp: string;
  type: string;
  port: number;
  weight: number;
  description: string;
};

/** What a group is to become. */
export type WantedGroup = { port: ServicePort; name: string; backends: readonly CcmBackend[] };

/** What must happen to the members of a group. */
export type Difference = {
  add: readonly CcmBackend[];
  remove: readonly CcmBackend[];
  update: readonly CcmBackend[];
};

type SlicePort = { name?: string; port?: number };
type ReadyEndpoint = { address: string; nodeName: string | undefined; port: number };

const DEFAULT_WEIGHT = 100;

/** What backends are made from. */
export type ClusterView = {
  /** The slices of the Service. */
  slices: readonly EndpointSlice[];
  nodes: readonly Node[];
  /** The network interface of each ready address. */
  interfaces: ReadonlyMap<string, string>;
  clusterId: string;
};

/** The groups of a Service, one a port, with a backend for each ready endpoint or for each node. @throws Error if an endpoint has no network interface */
export function wantedGroups(
  service: BalancedService,
  { slices, nodes, interfaces, clusterId }: ClusterView,
): WantedGroup[] {
  return (service.spec.ports ?? []).map((port) => {
    const name = groupNameOf(service, port, clusterId);
    const endpoints = readyEndpoints(slices, port);
    const backends = hasNodeBackends(service)
      ? nodeBackends({ service, port, endpoints, nodes, description: name })
      : endpoints.map((endpoint) => podBackend(endpoint, interfaces, name));
    return { port, name, backends };
  });
}

/**
 * Compares the members of a group with what they should be. Members whose Description is not CCM's are left alone.
 * @param isOwn whether a Description is CCM's
 */
export function differenceOf(
  members: readonly CcmBackend[],
  wanted: readonly CcmBackend[],
  { isOwn, keepsWeights }: { isOwn: (description: string) => boolean; keepsWeights: boolean },
): Difference {
  const found = new Map(members.map((member) => [keyOfBackend(member), member]));
  const kept = new Set(wanted.map(keyOfBackend));
  return {
    add: wanted.filter((each) => !found.has(keyOfBackend(each))),
    remove: members.filter((member) => isOwn(member.description) && !kept.has(keyOfBackend(member))),
    update: wanted.filter((each) => {
      const member = found.get(keyOfBackend(each));
      if (!member) return false;
      return member.description !== each.description || (!keepsWeights && member.weight !== each.weight);
    }),
  };
}

/** The ECS instance of a node: the second part of its provider id, or a name of its own where it has none. */
export function instanceOf({ metadata, spec }: Node): string {
  return spec?.providerID?.split('.')[1] ?? `i-${metadata.name}`;
}

function keyOfBackend({ serverId, serverIp, port, type }: CcmBackend): string {
  return type === 'ecs' ? `${serverId}/${port}` : `${serverId}/${serverIp}/${port}`;
}

/** The addresses of all ready endpoints, each once. */
export function readyAddresses(slices: readonly EndpointSlice[]): readonly string[] {
  const ready = slices.flatMap(({ endpoints }) => (endpoints ?? []).filter(isReady));
  return [...new Set(ready.flatMap(({ addresses }) => addresses))];
}

function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true && conditions.terminating !== true;
}

function readyEndpoints(slices: readonly EndpointSlice[], port: ServicePort): ReadyEndpoint[] {
  const found = new Map<string, ReadyEndpoint>();
  for (const slice of slices) {
    const backendPort = portIn(slice, port);
    if (backendPort === undefined) continue;
    for (const { addresses, nodeName } of (slice.endpoints ?? []).filter(isReady)) {
      const node = typeof nodeName === 'string' ? nodeName : undefined;
      for (const address of addresses) found.set(address, { address, nodeName: node, port: backendPort });
    }
  }
  return [...found.values()];
}

function portIn(slice: EndpointSlice, { name, targetPort }: ServicePort): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  const ports = (slice.ports ?? []) as SlicePort[];
  return ports.find((each) => (each.name ?? '') === (name ?? ''))?.port;
}

function podBackend(
  { address, port }: ReadyEndpoint,
  interfaces: ReadonlyMap<string, string>,
  description: string,
): CcmBackend {
  const serverId = interfaces.get(address);
  if (serverId === undefined) throw new Error(`no network interface has the address ${address}`);
  return {
    serverId,
    serverIp: address,
    type: 'eni',
    port,
    weight: DEFAULT_WEIGHT,
    description,
  };
}

/** With `externalTrafficPolicy: Local`, only the nodes of ready endpoints, each weighing as many as it has of them. */
function nodeBackends(options: {
  service: BalancedService;
  port: ServicePort;
  endpoints: readonly ReadyEndpoint[];
  nodes: readonly Node[];
  description: string;
}): CcmBackend[] {
  const { service, port, endpoints, nodes, description } = options;
  const isLocal = service.spec.externalTrafficPolicy === 'Local';
  return nodes.flatMap((node) => {
    const own = endpoints.filter(({ nodeName }) => nodeName === node.metadata.name).length;
    if (isLocal && own === 0) return [];
    const weight = isLocal ? own : DEFAULT_WEIGHT;
    return [{ serverId: instanceOf(node), serverIp: '', type: 'ecs', port: port.nodePort ?? 0, weight, description }];
  });
}
