// An independent witness: it knows Pods and EndpointSlices as the API server shows them, and none of our code or labels.

import { ENDPOINT_SLICES, type EndpointSlice, isTerminating, keyOf, PODS, type Pod } from '@kuperator/api';
import { createLogger, Informer, type KubeClient } from '@kuperator/runtime';

/** A container was replaced, or a Pod was told to die. `version` orders it among all writes of the cluster. */
export type Touch = { readonly pod: string; readonly uid: string; readonly version: bigint; readonly what: string };

/** Who was ready behind the Service from `version` on. */
export type Traffic = { readonly version: bigint; readonly ready: ReadonlySet<string> };

/** What was seen, in the order of the cluster's writes. */
export type Sighting = { readonly touches: readonly Touch[]; readonly traffic: readonly Traffic[] };

/**
 * Watches from `start` on. All objects live in one etcd, so resourceVersions order Pods and slices against each other
 * although they come by two watches: what is judged is what was stored, not when news of it arrived.
 */
export class Observer {
  readonly pods: Informer<Pod>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #touches: Touch[] = [];
  readonly #traffic: Traffic[] = [];
  readonly #looks = new Set<() => void>();

  constructor(client: KubeClient, namespace: string, service: string) {
    const logger = createLogger({ app: 'observer', level: 'error' });
    this.pods = new Informer({ client, resource: PODS, namespace, logger });
    const labelSelector = `kubernetes.io/service-name=${service}`;
    this.#slices = new Informer({ client, resource: ENDPOINT_SLICES, namespace, labelSelector, logger });
    this.pods.onChange(({ type, object, old }) => {
      if (type === 'updated' && old) this.#touches.push(...touchesOf(old, object));
      this.#look();
    });
    this.#slices.onChange(({ object }) => {
      this.#traffic.push({ version: versionOf(object), ready: this.ready() });
      this.#look();
    });
  }

  async start(): Promise<void> {
    this.pods.start();
    this.#slices.start();
    await Promise.all([this.pods.waitForSync(), this.#slices.waitForSync()]);
    this.#traffic.push({ version: this.#slices.resourceVersion(), ready: this.ready() });
  }

  async stop(): Promise<void> {
    await Promise.all([this.pods.stop(), this.#slices.stop()]);
  }

  /** Forgets what it has seen: from now on it counts. */
  reset(): void {
    this.#touches.length = 0;
    this.#traffic.splice(0, this.#traffic.length - 1);
  }

  sighting(): Sighting {
    return { touches: [...this.#touches], traffic: [...this.#traffic] };
  }

  /** uids of the Pods the Service sends traffic to. */
  ready(): ReadonlySet<string> {
    const ready = new Set<string>();
    for (const slice of this.#slices.list()) {
      for (const { conditions, targetRef } of slice.endpoints ?? []) {
        // Unset means ready.
        if (conditions?.ready !== false && targetRef?.uid) ready.add(targetRef.uid);
      }
    }
    return ready;
  }

  /** @throws Error after `timeoutMs`, saying what was waited for */
  until(what: string, done: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!done()) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`${what}: not within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      this.#looks.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
}

function touchesOf(old: Pod, pod: Pod): readonly Touch[] {
  const about = { pod: keyOf(pod), uid: pod.metadata.uid ?? '', version: versionOf(pod) };
  const touches: Touch[] = [];
  if (images(old) !== images(pod)) touches.push({ ...about, what: `image ${images(old)} → ${images(pod)}` });
  if (containers(old) !== '' && containers(old) !== containers(pod))
    touches.push({ ...about, what: 'container replaced' });
  if (!isTerminating(old) && isTerminating(pod)) touches.push({ ...about, what: 'deleted' });
  return touches;
}

function images(pod: Pod): string {
  return pod.spec.containers.map(({ image }) => image).join(' ');
}

function containers(pod: Pod): string {
  return (pod.status?.containerStatuses ?? []).map(({ containerID }) => containerID ?? '').join('');
}

function versionOf(object: Pod | EndpointSlice): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
