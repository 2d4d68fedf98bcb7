import { PODS, type Pod } from '@kuperator/api';
import type { Observer } from '@kuperator/observer';
import { type KubeClient, NotFoundError } from '@kuperator/runtime';
import type { Random } from './random.ts';

const FINALIZER = 'prot.podopslifecycle.kusionstack.io/slow-balancer';
const GATE = 'pod.kusionstack.io/service-ready';
const SLOWEST_MS = 300;

/** A third-party traffic controller, whose finalizer follows a Pod's readiness with a delay. */
export class SlowBalancer {
  readonly #client: KubeClient;
  readonly #observer: Observer;
  readonly #random: Random;
  readonly #pending = new Map<string, Promise<void>>();
  #stopped = true;

  constructor(client: KubeClient, observer: Observer, random: Random) {
    this.#client = client;
    this.#observer = observer;
    this.#random = random;
  }

  /** The annotation with which a new Pod announces the finalizer. */
  expectation(namespace: string): Record<string, string> {
    const expectedFinalizers = { [`Balancer/${namespace}/slow`]: FINALIZER };
    return { 'pod.kusionstack.io/available-conditions': JSON.stringify({ expectedFinalizers }) };
  }

  start(): void {
    this.#stopped = false;
    this.#observer.pods.onChange(({ key, type }) => {
      if (type !== 'deleted') this.#consider(key);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#pending.values());
  }

  #consider(key: string): void {
    if (this.#stopped || this.#pending.has(key)) return;
    const work = this.#follow(key).finally(() => {
      this.#pending.delete(key);
      const pod = this.#observer.pods.get(key);
      // The readiness may have changed again meanwhile.
      if (pod && isOn(pod) !== isWanted(pod)) this.#consider(key);
    });
    this.#pending.set(key, work);
  }

  async #follow(key: string): Promise<void> {
    const seen = this.#observer.pods.get(key);
    if (!seen || isOn(seen) === isWanted(seen)) return;
    await new Promise((resolve) => setTimeout(resolve, this.#random.below(SLOWEST_MS)));
    const pod = this.#observer.pods.get(key);
    if (!pod || isOn(pod) === isWanted(pod)) return;
    const { namespace, name = '', uid } = pod.metadata;
    const finalizers = isOn(pod) ? { '$deleteFromPrimitiveList/finalizers': [FINALIZER] } : { finalizers: [FINALIZER] };
    const body = { metadata: { uid, ...finalizers } };
    try {
      await this.#client.patch(PODS, { namespace, name }, { type: 'strategic', body });
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isOn(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(FINALIZER) ?? false;
}

function isWanted({ metadata, status }: Pod): boolean {
  const is = (type: string) => status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
  return metadata.deletionTimestamp === undefined && is('Ready') && is(GATE);
}
