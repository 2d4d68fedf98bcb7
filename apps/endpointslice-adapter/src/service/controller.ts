import type { Key } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import {
  BY_SERVICE,
  employeePodOptions,
  employerOptions,
  HeldTraffic,
  resourceConsistController,
  SERVICE_EMPLOYERS,
  serviceOf,
  sliceOptions,
  turnedBy,
  wakeOnGate,
} from '@kuperator/resourceconsist';
import { Informer, type OperatorContext, sightOf } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { endpointSliceAdapter, trimService } from './adapter.ts';
import { trafficEvent } from './events.ts';

/** The parts of the operator's context that are used. A test provides its own recorder. */
type Context = Pick<OperatorContext<Config>, 'client' | 'clock' | 'config' | 'logger' | 'metrics' | 'shards'> & {
  readonly recorder: Pick<OperatorContext['recorder'], 'normal' | 'warn'>;
};

/** Watches Services, their Pods and their EndpointSlices. The key is that of a Service. */
export function serviceController(context: Context, events: Pick<EventBus, 'publish' | 'subscribe'>) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const scope = { client, namespace: config.watchNamespace, logger, metrics };
  const services = new Informer({ ...scope, ...employerOptions(SERVICE_EMPLOYERS, trimService) });
  const pods = new Informer({ ...scope, ...employeePodOptions(SERVICE_EMPLOYERS) });
  const slices = new Informer({ ...scope, ...sliceOptions });
  const slicesOf = (service: Key) => slices.byIndex(BY_SERVICE, service);
  const adapter = endpointSliceAdapter(slicesOf);
  const heldTraffic = new HeldTraffic(clock);

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
    hold: { onMs: config.trafficOnHoldMs, offMs: config.trafficOffHoldMs },
    heldTraffic,
    sight: sightOf([services, pods, slices]),
    onTraffic: (change) => events.publish(trafficEvent(change)),
  });
  slices.onChange((change) => {
    const service = serviceOf(change.object);
    for (const [uid, traffic] of turnedBy(change, () => slicesOf(service))) heldTraffic.noticed(service, uid, traffic);
    controller.enqueue(service);
  });
  wakeOnGate(events, { adapter, employers: services, pods }, (service) => controller.enqueue(service));
  return { informers: [services, pods, slices], controller };
}
