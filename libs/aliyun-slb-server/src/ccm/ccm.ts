import { ENDPOINT_SLICES, type EndpointSlice, type Key, keyOf, type Resource, SERVICES } from '@kuperator/api';
import {
  type Cancel,
  type Clock,
  Controller,
  Informer,
  type KubeClient,
  type Logger,
  type Metrics,
  objectWriter,
  systemClock,
} from '@kuperator/runtime';
import type { VendorCall } from '../vendor-client.ts';
import type { Node } from './backends.ts';
import { clbCloud } from './clb-cloud.ts';
import { networkInterfaces } from './network-interfaces.ts';
import { nlbCloud } from './nlb-cloud.ts';
import { ccmReconciler } from './reconcile.ts';
import { type BalancedService, heldProduct, productOf } from './service.ts';

export type CcmOptions = {
  client: KubeClient;
  /** The vendor's client, on the server. */
  call: VendorCall;
  logger: Logger;
  metrics: Metrics;
  /** The last part of the names that CCM gives groups; default `test-cluster`. */
  clusterId?: string;
  /** From an event to the pass that it causes; default 0. */
  reactionMs?: number;
  /** How often each Service is compared although nothing has changed; default 60 000. */
  resyncMs?: number;
  /** Backends in one call; default 40, as in CCM. */
  batch?: number;
  clock?: Clock;
};

/** A running stand-in for CCM. */
export type Ccm = {
  /** Sets the time from an event to the pass that it causes, from the next event on. */
  setReaction(ms: number): void;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const NODES: Resource<Node> = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const BY_SERVICE = 'service';

/** Starts a stand-in for Alibaba's cloud-controller-manager. Returns when its caches are full. */
export async function startCcm(options: CcmOptions): Promise<Ccm> {
  const { client, call, logger, metrics, clock = systemClock } = options;
  const services = new Informer({ client, resource: SERVICES as Resource<BalancedService>, logger, metrics });
  const slices = new Informer({
    client,
    resource: ENDPOINT_SLICES,
    indexes: { [BY_SERVICE]: serviceOf },
    logger,
    metrics,
  });
  const nodes = new Informer({ client, resource: NODES, logger, metrics });
  const informers = [services, slices, nodes];
  const stopping = new AbortController();
  const cloudOptions = { call, clock, batch: options.batch ?? 40, signal: stopping.signal };
  const isOurs = (service: BalancedService) => (productOf(service) ?? heldProduct(service)) !== undefined;

  const controller = new Controller({
    name: 'ccm',
    reconcile: ccmReconciler({
      service: (key) => services.get(key),
      slices: (key) => slices.byIndex(BY_SERVICE, key),
      nodes: () => nodes.list(),
      services: objectWriter({ client, resource: services.resource, cache: services }),
      interfaces: (addresses) => networkInterfaces(cloudOptions, addresses),
      clouds: { Slb: clbCloud(cloudOptions), Nlb: nlbCloud(cloudOptions) },
      clusterId: options.clusterId ?? 'test-cluster',
    }),
    concurrency: 2,
    keys: () => services.list().filter(isOurs).map(keyOf),
    resyncMs: options.resyncMs ?? 60_000,
    backoff: { baseMs: 200, maxMs: 5000 },
    clock,
    logger,
    metrics,
  });
  const queue = new DelayedKeys({ clock, delayMs: options.reactionMs ?? 0, run: (key) => controller.enqueue(key) });
  services.onChange(({ object }) => {
    if (isOurs(object)) queue.add(keyOf(object));
  });
  slices.onChange(({ object }) => {
    const [key] = serviceOf(object);
    const service = key === undefined ? undefined : services.get(key);
    if (key !== undefined && service && isOurs(service)) queue.add(key);
  });
  for (const informer of informers) informer.start();
  const stop = async () => {
    stopping.abort();
    // No event may queue another pass while the last one ends.
    await Promise.all(informers.map((informer) => informer.stop()));
    queue.stop();
    await controller.stop();
  };
  await Promise.all(informers.map((informer) => informer.waitForSync()));
  controller.start();
  return { setReaction: (ms) => queue.setDelay(ms), stop, [Symbol.asyncDispose]: stop };
}

/** Passes each key on after a delay, once however often it was added meanwhile. */
class DelayedKeys {
  readonly #clock: Clock;
  readonly #run: (key: Key) => void;
  readonly #waiting = new Map<Key, Cancel>();
  #delayMs: number;

  constructor({ clock, delayMs, run }: { clock: Clock; delayMs: number; run: (key: Key) => void }) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#run = run;
  }

  add(key: Key): void {
    if (this.#waiting.has(key)) return;
    const pass = () => {
      this.#waiting.delete(key);
      this.#run(key);
    };
    this.#waiting.set(key, this.#clock.setTimeout(pass, this.#delayMs));
  }

  setDelay(ms: number): void {
    this.#delayMs = ms;
  }

  stop(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }
}

function serviceOf({ metadata }: EndpointSlice): Key[] {
  const name = new Map(Object.entries(metadata.labels ?? {})).get(SERVICE_NAME_LABEL);
  return name === undefined ? [] : [keyOf({ metadata: { ...metadata, name } })];
}
