// A tenant who does nothing wrong. Measures how long each of their operations takes, and whether their budget is kept.
import { COLLA_SETS, isTerminating, POD_TRANSITION_RULES, type Pod, SERVICES } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { leastInTraffic, Observer, touchedInTraffic } from '@kuperator/observer';
import type { KubeClient } from '@kuperator/runtime';
import { isServing, runs } from '../ours.ts';
import { APP_LABEL, templateFor, webBudget, webService, webSet } from '../pod-manifest.ts';

const NAMESPACE = 'neighbour';
const NAME = 'web';
const PODS_OF_SET = 4;
const PODS_OF_DEPLOYMENT = 3;
const TIMEOUT_MS = 300_000;

export class Neighbour {
  readonly #cluster: Cluster;
  readonly #client: KubeClient;
  readonly #observer: Observer;
  #round = 1;

  constructor(cluster: Cluster, client: KubeClient) {
    this.#cluster = cluster;
    this.#client = client;
    this.#observer = new Observer({ client, namespace: NAMESPACE, service: NAME });
  }

  /** A CollaSet of four Pods behind a Service, with at most one out, and a Deployment that our operators do not control. */
  async deploy(): Promise<void> {
    await this.#cluster.kubectl(['create', 'namespace', NAMESPACE]);
    await this.#observer.start();
    const arena = { namespace: NAMESPACE };
    await this.#client.create(SERVICES, webService(arena));
    await this.#client.create(POD_TRANSITION_RULES, webBudget(arena, 1));
    await this.#client.create(COLLA_SETS, webSet(arena, PODS_OF_SET, 'web:v1'));
    await this.#kubectl('create', 'deployment', 'plain', '--image=web:v1', `--replicas=${PODS_OF_DEPLOYMENT}`);
    await this.#until('all Pods of the neighbour to serve', () => this.#serves('web:v1') && this.#plain().length === 3);
    this.#observer.reset();
  }

  stop(): Promise<void> {
    return this.#observer.stop();
  }

  /** Seconds of an update in place of the CollaSet, one Pod at a time. */
  roll(): Promise<number> {
    const image = `web:v${++this.#round}`;
    return this.#timed(
      `the neighbour to run ${image}`,
      () => this.#serves(image),
      () =>
        this.#client.patch(
          COLLA_SETS,
          { name: NAME, namespace: NAMESPACE },
          { type: 'merge', body: { spec: { template: templateFor(image) } } },
        ),
    );
  }

  /** Seconds from scaling the Deployment to 0 until its Pods are gone: the time that kube-controller-manager takes. Then scales it back. */
  async shrink(): Promise<number> {
    const seconds = await this.#timed(
      'the Pods of the Deployment to be gone',
      () => this.#plain().length === 0,
      () => this.#kubectl('scale', 'deployment', 'plain', '--replicas=0'),
    );
    await this.#kubectl('scale', 'deployment', 'plain', `--replicas=${PODS_OF_DEPLOYMENT}`);
    await this.#until('the Deployment to be back', () => this.#plain().length === PODS_OF_DEPLOYMENT);
    return seconds;
  }

  /** Promises that were broken since the last call. */
  async complaints(): Promise<readonly string[]> {
    // What has not been seen yet could acquit: a Pod may have left the slices before it was touched.
    await this.#observer.catchUp();
    const sighting = this.#observer.sighting();
    const out = PODS_OF_SET - leastInTraffic(sighting);
    const touched = touchedInTraffic(sighting);
    this.#observer.reset();
    return [
      ...(out > 1 ? [`${out} Pods were out of traffic at once, 1 is allowed`] : []),
      ...touched.map(({ pod, what }) => `${pod} was touched in traffic: ${what}`),
    ];
  }

  #plain(): readonly Pod[] {
    return this.#observer.pods.list().filter((pod) => pod.metadata.labels?.app === 'plain' && !isTerminating(pod));
  }

  #serves(image: string): boolean {
    const pods = this.#observer.pods.list().filter((pod) => pod.metadata.labels?.[APP_LABEL] === NAME);
    return pods.length === PODS_OF_SET && pods.every((pod) => isServing(pod) && runs(pod, image));
  }

  async #timed(what: string, done: () => boolean, act: () => Promise<unknown>): Promise<number> {
    const began = performance.now();
    await act();
    await this.#until(what, done);
    return (performance.now() - began) / 1000;
  }

  #until(what: string, done: () => boolean): Promise<void> {
    return this.#observer.when(what, done, TIMEOUT_MS);
  }

  #kubectl(...args: readonly string[]): Promise<string> {
    return this.#cluster.kubectl([`--namespace=${NAMESPACE}`, ...args]);
  }
}
