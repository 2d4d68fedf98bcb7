import {
  COLLA_SETS,
  INSTANCE_ID_LABEL,
  isTerminating,
  POD_TRANSITION_RULES,
  type Pod,
  RESOURCE_CONTEXTS,
  SERVICES,
} from '@kuperator/api';
import { Observer } from '@kuperator/observer';
import type { KubeClient } from '@kuperator/runtime';
import {
  type ApplicationOptions,
  budget,
  collaSet,
  NAME,
  PROXY_PERIOD_MS,
  service,
  type TemplateOptions,
  template,
} from './manifests.ts';

/** Long, because the machine may be busy. No promise depends on a time. */
export const DEADLINE_MS = 120_000;

const SERVICE_AVAILABLE = 'podopslifecycle.kusionstack.io/service-available';

/** A Service, a CollaSet and optionally a budget, in their own namespace, and the observer that watches them. */
export class Application {
  readonly observer: Observer;
  readonly #client: KubeClient;
  readonly #options: ApplicationOptions;

  constructor(client: KubeClient, options: ApplicationOptions) {
    this.#client = client;
    this.#options = options;
    this.observer = new Observer({
      client,
      namespace: options.namespace,
      service: NAME,
      proxyPeriodMs: options.proxyPeriodMs ?? PROXY_PERIOD_MS,
    });
  }

  /** Applies all manifests and returns once all Pods serve. The observer judges from then on. */
  async deploy(): Promise<void> {
    const { namespace, replicas, image, maxUnavailable } = this.#options;
    await this.observer.start();
    await this.#client.create(SERVICES, service(namespace, this.#options));
    if (maxUnavailable !== undefined) {
      await this.#client.create(POD_TRANSITION_RULES, budget(namespace, maxUnavailable));
    }
    await this.#client.create(COLLA_SETS, collaSet(this.#options));
    await this.serves({ replicas, image });
    this.observer.reset();
  }

  stop(): Promise<void> {
    return this.observer.stop();
  }

  /** Merges `spec` into the spec of the CollaSet. */
  async change(spec: object): Promise<void> {
    const ref = { namespace: this.#options.namespace, name: NAME };
    await this.#client.patch(COLLA_SETS, ref, { type: 'merge', body: { spec } });
  }

  /** Merges `changes` into the template. A merge replaces a list as a whole. */
  async changeTemplate(changes: Partial<TemplateOptions>): Promise<void> {
    await this.change({ template: template({ ...this.#options, ...changes }) });
  }

  pods(): readonly Pod[] {
    return this.observer.pods.list();
  }

  uids(): ReadonlySet<string> {
    return new Set(this.pods().map((pod) => pod.metadata.uid ?? ''));
  }

  /** Number of Pods that run `image`. */
  running(image: string): number {
    return this.pods().filter((pod) => runs(pod, image)).length;
  }

  /** Waits until at least `count` Pods run `image`. */
  reached(image: string, count: number): Promise<void> {
    return this.observer.when(
      `${count} Pods of ${this.#options.namespace} run ${image}`,
      () => this.running(image) >= count,
      DEADLINE_MS,
    );
  }

  /** Waits until there are exactly `replicas` Pods, all are in service, and all run `image` if it is given. */
  serves({ replicas, image }: { replicas: number; image?: string }): Promise<void> {
    return this.observer.until(
      `${replicas} Pods of ${this.#options.namespace} serve${image ? ` ${image}` : ''}`,
      () =>
        this.pods().length === replicas &&
        this.pods().every((pod) => this.isInService(pod) && (image === undefined || runs(pod, image))),
      DEADLINE_MS,
    );
  }

  /** Whether the Pod is in traffic, available, and without labels of an operation. */
  isInService(pod: Pod): boolean {
    return (
      !isTerminating(pod) &&
      this.observer.ready().has(pod.metadata.uid ?? '') &&
      this.isAvailable(pod) &&
      lifecycleLabels(pod).length === 0
    );
  }

  isAvailable(pod: Pod): boolean {
    return pod.metadata.labels?.[SERVICE_AVAILABLE] !== undefined;
  }

  /** Number of Pods with an operation in progress. */
  operating(): number {
    return this.pods().filter((pod) => lifecycleLabels(pod).some((key) => key.startsWith('operating.'))).length;
  }

  /** The instance ids on the Pods, ascending. */
  instanceIds(): readonly number[] {
    return this.pods()
      .map((pod) => Number(pod.metadata.labels?.[INSTANCE_ID_LABEL]))
      .sort((a, b) => a - b);
  }

  /** The instance ids in the CollaSet's ResourceContext, ascending. */
  async recordedIds(): Promise<readonly number[]> {
    const ref = { namespace: this.#options.namespace, name: NAME };
    const context = await this.#client.get(RESOURCE_CONTEXTS, ref);
    return (context.spec.contexts ?? []).map(({ id }) => id).sort((a, b) => a - b);
  }
}

/** Keys of the labels of operations and their stages, without the label of a Pod in service. */
export function lifecycleLabels(pod: Pod): readonly string[] {
  return Object.keys(pod.metadata.labels ?? {}).filter(
    (key) => /(^|\.)podopslifecycle\.kusionstack\.io\//.test(key) && key !== SERVICE_AVAILABLE,
  );
}

/** Whether the Pod's spec has `image` and its container runs it. */
function runs(pod: Pod, image: string): boolean {
  const statuses = pod.status?.containerStatuses ?? [];
  return (
    pod.spec.containers[0]?.image === image && statuses.length > 0 && statuses.every((each) => each.image === image)
  );
}
