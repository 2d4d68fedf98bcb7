// Pods of any owner behind a Service, as a user would create them.

import { isTerminating, type Pod } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { Observer } from '@kuperator/observer';
import type { KubeClient } from '@kuperator/runtime';
import { DEADLINE_MS } from './application.ts';
import { budget, collaSet, NAME, PROXY_PERIOD_MS, service, template } from './manifests.ts';

export const OWNERS = ['nobody', 'Deployment', 'StatefulSet', 'CollaSet'] as const;
type Owner = (typeof OWNERS)[number];

export type OwnedPodsOptions = {
  readonly namespace: string;
  readonly owner: Owner;
  readonly replicas: number;
  /** Number of Pods that a PodTransitionRule allows to be out of service at the same time. If it is not set, there is no rule. */
  readonly maxUnavailable?: number | string;
  /** Number of Pods that a PodDisruptionBudget requires to be healthy. If it is not set, there is no budget. */
  readonly minAvailable?: number;
  /** Additional fields of each Pod's spec. */
  readonly podSpec?: object;
};

const SERVICE_AVAILABLE = 'podopslifecycle.kusionstack.io/service-available';

/** The Pods of one owner in their own namespace, and the observer that watches them. */
export class OwnedPods {
  readonly observer: Observer;
  readonly #cluster: Cluster;
  readonly #options: OwnedPodsOptions;

  constructor(cluster: Cluster, client: KubeClient, options: OwnedPodsOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.observer = new Observer({
      client,
      namespace: options.namespace,
      service: NAME,
      proxyPeriodMs: PROXY_PERIOD_MS,
    });
  }

  /** Applies all manifests and returns once all Pods serve. The observer judges from then on. */
  async deploy(): Promise<void> {
    const { namespace } = this.#options;
    await this.#cluster.kubectl(['create', 'namespace', namespace]);
    await this.observer.start();
    const list = { apiVersion: 'v1', kind: 'List', items: manifestsOf(this.#options) };
    await this.#cluster.kubectl(['create', `--namespace=${namespace}`, '--filename=-'], JSON.stringify(list));
    await this.serve(this.#options.replicas);
    this.observer.reset();
  }

  /** Waits until exactly `count` Pods exist and all are in service. */
  serve(count: number): Promise<void> {
    const { namespace } = this.#options;
    return this.observer.until(
      `${count} Pods of ${namespace} serve`,
      () => this.pods().length === count && this.pods().every((pod) => this.isInService(pod)),
      DEADLINE_MS,
    );
  }

  isInService(pod: Pod): boolean {
    return (
      !isTerminating(pod) &&
      this.observer.ready().has(pod.metadata.uid ?? '') &&
      pod.metadata.labels?.[SERVICE_AVAILABLE] !== undefined
    );
  }

  pods(): readonly Pod[] {
    return this.observer.pods.list();
  }

  names(): readonly string[] {
    return this.pods()
      .map(({ metadata }) => metadata.name ?? '')
      .toSorted();
  }

  uids(): ReadonlySet<string> {
    return new Set(this.pods().map(({ metadata }) => metadata.uid ?? ''));
  }

  /** Runs kubectl in the namespace of the Pods. */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.#cluster.kubectl([`--namespace=${this.#options.namespace}`, ...args]);
  }

  stop(): Promise<void> {
    return this.observer.stop();
  }
}

function manifestsOf(options: OwnedPodsOptions): object[] {
  const { namespace, owner, replicas, maxUnavailable, minAvailable, podSpec } = options;
  const selector = { matchLabels: { app: NAME } };
  const { metadata, spec: plain } = template({ image: 'web:v1' });
  const spec = { ...plain, ...podSpec };
  const controlled = { metadata: { labels: { ...metadata.labels, 'kusionstack.io/control': 'true' } }, spec };
  const workload = { metadata: { name: NAME }, spec: { replicas, selector, template: controlled } };
  const owners: Record<Owner, object[]> = {
    nobody: Array.from({ length: replicas }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...controlled.metadata, name: `${NAME}-${index}` },
      spec,
    })),
    Deployment: [{ apiVersion: 'apps/v1', kind: 'Deployment', ...workload }],
    StatefulSet: [
      {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        ...workload,
        spec: { ...workload.spec, podManagementPolicy: 'Parallel', serviceName: NAME },
      },
    ],
    CollaSet: [collaSet({ namespace, replicas, image: 'web:v1' })],
  };
  return [
    service(namespace),
    ...(maxUnavailable === undefined ? [] : [budget(namespace, maxUnavailable)]),
    ...(minAvailable === undefined
      ? []
      : [
          {
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata: { name: NAME },
            spec: { minAvailable, selector },
          },
        ]),
    ...owners[owner],
  ];
}
