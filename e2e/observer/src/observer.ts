// An independent observer. It reads Pods and EndpointSlices from the API server, and uses none of our code or labels.

import { ENDPOINT_SLICES, type EndpointSlice, isTerminating, PODS, type Pod } from '@kuperator/api';
import { createLogger, Informer, type KubeClient } from '@kuperator/runtime';
import { hasCaughtUp } from './catch-up.ts';
import { type PodVersion, type Sighting, type Touch, type Traffic, touchesOf } from './sighting.ts';

const CATCH_UP_MS = 60_000;

type ObserverOptions = {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Service whose traffic is judged. */
  readonly service: string;
  /** Shortest time between two syncs of the proxies by which traffic is judged; 0, the default: judge by the EndpointSlices themselves. */
  readonly proxyPeriodMs?: number;
};

/**
 * Watches from `start` on. All objects are in one etcd, so resourceVersions order Pods and EndpointSlices against each other
 * although two watches deliver them. The observer judges the order in which objects were stored, not the order of arrival.
 */
export class Observer {
  readonly pods: Informer<Pod>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #selector: string;
  readonly #touches: Touch[] = [];
  readonly #traffic: Traffic[] = [];
  readonly #versions: PodVersion[] = [];
  readonly #proxyPeriodMs: number;
  readonly #looks = new Set<() => void>();
  #changedAt = performance.now();

  constructor({ client, namespace, service, proxyPeriodMs = 0 }: ObserverOptions) {
    this.#proxyPeriodMs = proxyPeriodMs;
    const logger = createLogger({ app: 'observer', level: 'error' });
    this.pods = new Informer({ client, resource: PODS, namespace, logger });
    this.#client = client;
    this.#namespace = namespace;
    this.#selector = `kubernetes.io/service-name=${service}`;
    this.#slices = new Informer({
      client,
      resource: ENDPOINT_SLICES,
      namespace,
      labelSelector: this.#selector,
      logger,
    });
    this.pods.onChange(({ type, object, old }) => {
      const version = {
        version: versionOf(object),
        atMs: performance.now(),
        pod: object,
        gone: type === 'deleted',
      };
      this.#versions.push(version);
      if (old) this.#touches.push(...touchesOf(old, version));
      this.#look();
    });
    this.#slices.onChange(({ object }) => {
      this.#traffic.push({ version: versionOf(object), atMs: performance.now(), ready: this.ready() });
      this.#look();
    });
  }

  async start(): Promise<void> {
    this.pods.start();
    this.#slices.start();
    await Promise.all([this.pods.waitForSync(), this.#slices.waitForSync()]);
    this.#traffic.push({
      version: this.#slices.resourceVersion(),
      atMs: performance.now(),
      ready: this.ready(),
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.pods.stop(), this.#slices.stop()]);
  }

  /** Forgets what it has seen, so that it judges only what follows. */
  reset(): void {
    this.#touches.length = 0;
    this.#traffic.splice(0, this.#traffic.length - 1);
    const atMs = performance.now();
    const present = this.pods.list().map((pod) => ({ version: versionOf(pod), atMs, pod, gone: false }));
    this.#versions.splice(0, this.#versions.length, ...present);
  }

  sighting(): Sighting {
    return {
      touches: [...this.#touches],
      traffic: [...this.#traffic],
      pods: [...this.#versions],
      proxyPeriodMs: this.#proxyPeriodMs,
    };
  }

  /** The uids of the Pods to which the Service sends traffic. */
  ready(): ReadonlySet<string> {
    const ready = new Set<string>();
    for (const slice of this.#slices.list()) {
      for (const { conditions, targetRef } of slice.endpoints ?? []) {
        // An endpoint without the field is ready.
        if (conditions?.ready !== false && targetRef?.uid) ready.add(targetRef.uid);
      }
    }
    return ready;
  }

  /**
   * Resolves once `done` is true and everything that was stored by then has been delivered. One watch may lag behind the
   * other, and what it has not delivered yet could change the result.
   * @throws Error after `timeoutMs`, with the name of the wait and the state of the Pods
   */
  async until(what: string, done: () => boolean, timeoutMs: number): Promise<void> {
    await this.when(what, done, timeoutMs);
    await this.catchUp();
  }

  /** Like `until`, but resolves as soon as `done` is true: for a test that acts at that moment and does not judge. */
  when(what: string, done: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!done()) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`${what}: not within ${timeoutMs / 1000} s\n${this.#description()}`));
      }, timeoutMs);
      this.#looks.add(look);
      look();
    });
  }

  /**
   * Resolves once everything that is stored has been delivered, and no Pod and no traffic has changed for `quietMs`.
   * @throws Error after `timeoutMs`
   */
  async untilQuiet(quietMs: number, timeoutMs: number): Promise<void> {
    await this.catchUp();
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const now = performance.now();
      const remainingMs = this.#changedAt + quietMs - now;
      if (remainingMs <= 0) return;
      if (now > deadline) throw new Error(`never quiet for ${quietMs} ms within ${timeoutMs / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, remainingMs));
    }
  }

  /** Resolves once everything that is stored at the time of the call has been delivered. A write returns before its watch event arrives. */
  async catchUp(): Promise<void> {
    const namespace = this.#namespace;
    const [pods, slices] = await Promise.all([
      this.#client.list(PODS, { namespace }),
      this.#client.list(ENDPOINT_SLICES, { namespace, labelSelector: this.#selector }),
    ]);
    const done = () => hasCaughtUp(this.pods, pods) && hasCaughtUp(this.#slices, slices);
    await this.when('news of all that is stored', done, CATCH_UP_MS);
  }

  #look(): void {
    this.#changedAt = performance.now();
    for (const look of this.#looks) look();
  }

  #description(): string {
    const ready = this.ready();
    return this.pods
      .list()
      .map((pod) => {
        const { name, uid = '', labels, finalizers } = pod.metadata;
        const traffic = ready.has(uid) ? 'in traffic' : 'out of traffic';
        const images = pod.spec.containers.map(({ image }) => image);
        const end = isTerminating(pod) ? ', terminating' : '';
        return `  ${name} ${images} ${traffic}${end} ${JSON.stringify({ labels, finalizers })}`;
      })
      .join('\n');
  }
}

function versionOf(object: Pod | EndpointSlice): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
