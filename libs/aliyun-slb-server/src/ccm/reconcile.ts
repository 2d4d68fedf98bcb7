import type { EndpointSlice, Key } from '@kuperator/api';
import type { ObjectWriter, Reconcile } from '@kuperator/runtime';
import type { BalancerProduct } from '../api/request.ts';
import { differenceOf, type Node, readyAddresses, wantedGroups } from './backends.ts';
import type { Cloud, CloudBalancer, CloudGroup } from './cloud.ts';
import {
  type BalancedService,
  balancerNameOf,
  CCM_NAMES,
  finalizerOf,
  hasNodeBackends,
  heldProduct,
  ignoresWeights,
  isOfService,
  productOf,
  wantsBalancer,
} from './service.ts';

/** What a pass reads and writes. */
export type CcmDeps = {
  service: (key: Key) => BalancedService | undefined;
  slices: (key: Key) => readonly EndpointSlice[];
  nodes: () => readonly Node[];
  services: ObjectWriter<BalancedService>;
  clouds: Readonly<Record<BalancerProduct, Cloud>>;
  /** The network interfaces of Pods, by address. */
  interfaces: (addresses: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  clusterId: string;
};

/** One pass for a Service: its instance with listeners, groups and backends, then its label and status; or their removal. */
export function ccmReconciler(deps: CcmDeps): Reconcile {
  return async (key) => {
    const service = deps.service(key);
    if (!service) return;
    const product = productOf(service);
    if (product && wantsBalancer(service)) await ensure(deps, key, { service, product });
    else await tearDown(deps, service);
  };
}

async function ensure(
  deps: CcmDeps,
  key: Key,
  { service: seen, product }: { service: BalancedService; product: BalancerProduct },
): Promise<void> {
  const service = await withFinalizer(deps, seen, finalizerOf(product));
  if (!service) return;
  const cloud = deps.clouds[product];
  const name = balancerNameOf(service);
  const balancer = (await cloud.find(name)) ?? (await cloud.create(name, deps.clusterId));
  const slices = deps.slices(key);
  const interfaces = hasNodeBackends(service) ? new Map() : await deps.interfaces(readyAddresses(slices));
  const wanted = wantedGroups(service, { slices, nodes: deps.nodes(), interfaces, clusterId: deps.clusterId });
  const listeners = await cloud.listeners(balancer.id);
  for (const listener of listeners) {
    if (!wanted.some(({ port }) => port.port === listener.port)) await cloud.deleteListener(balancer.id, listener);
  }
  const groups = await ownGroups(deps, cloud, { service, balancer });
  for (const { port, name: groupName, backends } of wanted) {
    const given = { name: groupName, protocol: port.protocol, tag: name };
    const group = groups.find((each) => each.name === groupName) ?? (await cloud.createGroup(balancer.id, given));
    const difference = differenceOf(await cloud.members(group.id), backends, {
      isOwn: (description) => isOfService(description, service, deps.clusterId),
      keepsWeights: ignoresWeights(service),
    });
    await cloud.add(group.id, difference.add);
    await cloud.remove(group.id, difference.remove);
    await cloud.update(group.id, difference.update);
    if (listeners.some((each) => each.port === port.port)) continue;
    const listener = { port: port.port, protocol: port.protocol, groupId: group.id, description: groupName };
    await cloud.createListener(balancer.id, listener);
  }
  const unused = groups.filter((group) => !wanted.some((each) => each.name === group.name));
  for (const group of unused) await cloud.deleteGroup(group.id);
  await report(deps, service, balancer);
}

async function ownGroups(
  deps: CcmDeps,
  cloud: Cloud,
  { service, balancer }: { service: BalancedService; balancer: CloudBalancer },
): Promise<readonly CloudGroup[]> {
  const groups = await cloud.groups(balancer.id);
  return groups.filter((group) => isOfService(group.name, service, deps.clusterId));
}

async function withFinalizer(
  { services }: CcmDeps,
  service: BalancedService,
  finalizer: string,
): Promise<BalancedService | undefined> {
  const finalizers = service.metadata.finalizers ?? [];
  if (finalizers.includes(finalizer)) return service;
  return services.patch(service, { body: { metadata: { finalizers: [...finalizers, finalizer] } } });
}

/** The label comes after the resources, and the status last. */
async function report({ services }: CcmDeps, service: BalancedService, balancer: CloudBalancer): Promise<void> {
  const labels = { [CCM_NAMES.loadBalancerIdLabel]: balancer.id };
  const hasLabel =
    new Map(Object.entries(service.metadata.labels ?? {})).get(CCM_NAMES.loadBalancerIdLabel) === balancer.id;
  const labelled = hasLabel ? service : await services.patch(service, { body: { metadata: { labels } } });
  const loadBalancer = { ingress: [balancer.ingress] };
  if (!labelled || JSON.stringify(ingressOf(labelled)) === JSON.stringify(loadBalancer.ingress)) return;
  await services.patch(labelled, { body: { status: { loadBalancer } }, subresource: 'status' });
}

/** The addresses in the status, without what the API server adds to them. */
function ingressOf({ status }: BalancedService): unknown {
  const { ingress } = Object(status?.loadBalancer) as { ingress?: { ip?: string; hostname?: string }[] };
  return ingress?.map(({ ip, hostname }) => (ip === undefined ? { hostname } : { ip }));
}

async function tearDown(deps: CcmDeps, service: BalancedService): Promise<void> {
  const product = heldProduct(service);
  if (!product) return;
  const cloud = deps.clouds[product];
  const balancer = await cloud.find(balancerNameOf(service));
  if (balancer) {
    for (const listener of await cloud.listeners(balancer.id)) await cloud.deleteListener(balancer.id, listener);
    for (const group of await ownGroups(deps, cloud, { service, balancer })) await cloud.deleteGroup(group.id);
    await cloud.delete(balancer.id);
  }
  const cleared = await deps.services.patch(service, {
    body: { status: { loadBalancer: null } },
    subresource: 'status',
  });
  if (!cleared) return;
  const finalizers = (cleared.metadata.finalizers ?? []).filter((each) => each !== finalizerOf(product));
  await deps.services.patch(cleared, {
    body: { metadata: { finalizers, labels: { [CCM_NAMES.loadBalancerIdLabel]: null } } },
  });
}
