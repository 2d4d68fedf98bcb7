import type { Key } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import {
  type Adapter,
  BY_SERVICE,
  employeePodOptions,
  employerOptions,
  resourceConsistController,
  SERVICE_EMPLOYERS,
  serviceOf,
  sliceOptions,
  type TrafficOf,
  trafficIn,
  wakeOnGate,
} from '@kuperator/resourceconsist';
import { Informer, type OperatorContext, sightOf } from '@kuperator/runtime';
import { classicLoadBalancer } from '../balancer/clb.ts';
import { networkLoadBalancer } from '../balancer/nlb.ts';
import { BalancerReader } from '../balancer/reader.ts';
import { balancerWriter } from '../balancer/writer.ts';
import type { CloudApi } from '../cloud/api.ts';
import { NetworkInterfaces } from '../cloud/network-interfaces.ts';
import type { Config } from '../config.ts';
import { slbAdapter, trimService } from './adapter.ts';
import { allowedBalancers } from './allowed-balancers.ts';
import { Elapsed } from './elapsed.ts';
import { trafficEvent } from './events.ts';
import { UncheckedServers } from './unchecked-servers.ts';

/** What of the operator's context is used; a test gives its own recorder. */
type Context = Pick<
  OperatorContext<Config>,
  'client' | 'clock' | 'config' | 'logger' | 'metrics' | 'shards' | 'signal'
> & {
  readonly recorder: Pick<OperatorContext['recorder'], 'normal' | 'warn'>;
};

/** The groups of a load balancer change with its Services, which is seldom. */
const GROUPS_MAX_AGE_MS = 5000;
/** Once a cause is gone, for example a key that was wrong, Pods should not wait for long. */
const BACKOFF = { baseMs: 500, maxMs: 15_000 };

/** Services, their Pods and their EndpointSlices → one key a Service. */
export function serviceController(
  context: Context,
  events: Pick<EventBus, 'publish' | 'subscribe'>,
  cloud: Pick<CloudApi, 'call'>,
) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const scope = { client, namespace: config.watchNamespace, logger, metrics };
  const services = new Informer({ ...scope, ...employerOptions(SERVICE_EMPLOYERS, trimService) });
  const pods = new Informer({
    ...scope,
    // The ports of a Pod, which a Service may name.
    ...employeePodOptions(SERVICE_EMPLOYERS, ({ spec }) => ({
      containers: spec.containers.map(({ name, image, ports }) => ({ name, image: image ?? '', ports: ports ?? [] })),
    })),
  });
  const slices = new Informer({ ...scope, ...sliceOptions });
  const slicesOf = (service: Key) => slices.byIndex(BY_SERVICE, service);
  const adapter = adapterOn(context, cloud, (service) => trafficIn(slicesOf(service)));

  const controller = resourceConsistController({
    adapter,
    client,
    employers: services,
    pods,
    recorder,
    clock,
    logger,
    metrics,
    shards,
    concurrency: config.concurrency,
    minIntervalMs: config.batchMs,
    resyncMs: config.resyncSeconds * 1000,
    backoff: BACKOFF,
    hold: { onMs: config.trafficOnHoldMs, offMs: config.trafficOffHoldMs },
    sight: sightOf([services, pods, slices]),
    onTraffic: (change) => events.publish(trafficEvent(change)),
  });
  // For groups whose servers are nodes: kube-proxy follows the slices.
  slices.onChange(({ object }) => controller.enqueue(serviceOf(object)));
  wakeOnGate(events, { adapter, employers: services, pods }, (service) => controller.enqueue(service));
  return { informers: [services, pods, slices], controller };
}

function adapterOn(
  { client, clock, config, signal }: Context,
  cloud: Pick<CloudApi, 'call'>,
  trafficBySlices: (service: Key) => TrafficOf,
): Adapter {
  const balancers = { clb: classicLoadBalancer(cloud), nlb: networkLoadBalancer(cloud, clock) };
  const writing = { batchSize: config.aliyunBatchSize, clock };
  return slbAdapter({
    client,
    clock,
    cluster: config.clusterName,
    balancers,
    reader: new BalancerReader({
      clock,
      minIntervalMs: config.aliyunReadIntervalMs,
      groupsMaxAgeMs: GROUPS_MAX_AGE_MS,
      stopping: signal,
    }),
    writers: { clb: balancerWriter(balancers.clb, writing), nlb: balancerWriter(balancers.nlb, writing) },
    interfaces: new NetworkInterfaces(cloud),
    trafficBySlices,
    unchecked: new UncheckedServers(clock),
    lag: new Elapsed(clock),
    mayManage: allowedBalancers(config.aliyunManagedLoadBalancers),
  });
}
