import { own, type Pod } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { type Application, DEADLINE_MS } from './application.ts';

const DOMAIN = 'podopslifecycle.kusionstack.io';
const FINALIZER = `prot.${DOMAIN}/balancer`;
const CONDITIONS = 'pod.kusionstack.io/available-conditions';

/** A third party that knows the label protocol, uses kubectl, and takes part in the operations of one Pod. */
export class ThirdParty {
  readonly #cluster: Cluster;
  readonly #app: Application;
  readonly #namespace: string;
  readonly #uid: string | undefined;

  /** Selects one of the application's Pods. */
  constructor(cluster: Cluster, app: Application, namespace: string) {
    this.#cluster = cluster;
    this.#app = app;
    this.#namespace = namespace;
    this.#uid = app.pods()[0]?.metadata.uid;
  }

  /** The latest version that was seen. */
  get pod(): Pod {
    const pod = this.#app.pods().find(({ metadata }) => metadata.uid === this.#uid);
    if (!pod) throw new Error(`the Pod ${this.#uid} is gone`);
    return pod;
  }

  isInTraffic(): boolean {
    return this.#app.observer.ready().has(this.#uid ?? '');
  }

  finalizers(): readonly string[] {
    return this.pod.metadata.finalizers ?? [];
  }

  /** Sets labels, or removes those that end in `-`. `operating/job-1=1` is the label with that prefix and id. */
  async label(...changes: readonly string[]): Promise<void> {
    await this.#kubectl('label', ...changes.map((change) => change.replace('/', `.${DOMAIN}/`)));
  }

  /** Waits until the Pod has a label, named as in `label`. */
  until(what: string, label: string): Promise<void> {
    const key = label.replace('/', `.${DOMAIN}/`);
    return this.#app.observer.until(
      `the Pod ${what}`,
      () => own(this.pod.metadata.labels, key) !== undefined,
      DEADLINE_MS,
    );
  }

  /** Acts as an operation controller from the permission to the end. */
  async finish(id: string): Promise<void> {
    await this.until('is permitted', `operate/${id}`);
    await this.label(`operating/${id}-`);
  }

  /** Announces this party's finalizer, so that the Pod is available only with it. Keeps the announcements of others. */
  async expectFinalizer(): Promise<void> {
    const conditions = JSON.parse(this.pod.metadata.annotations?.[CONDITIONS] ?? '{}');
    const expectedFinalizers = { ...conditions.expectedFinalizers, [`Balancer/${this.#namespace}/web`]: FINALIZER };
    await this.#kubectl('annotate', `${CONDITIONS}=${JSON.stringify({ expectedFinalizers })}`);
  }

  addFinalizer(): Promise<void> {
    return this.#patch({ finalizers: [FINALIZER] });
  }

  removeFinalizer(): Promise<void> {
    return this.#patch({ '$deleteFromPrimitiveList/finalizers': [FINALIZER] });
  }

  /** Makes all operations on the Pod wait in `stage` for a label that is not set. */
  async requireConsent(stage: 'PreCheck' | 'PostCheck'): Promise<void> {
    const rule = {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'PodTransitionRule',
      metadata: { name: 'consent', namespace: this.#namespace },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        rules: [{ name: 'consent', stage, labelCheck: { requires: { matchLabels: { consent: 'given' } } } }],
      },
    };
    await this.#cluster.kubectl(['create', '-f', '-'], JSON.stringify(rule));
  }

  /** A strategic merge adds or removes one finalizer and keeps all others. */
  #patch(metadata: object): Promise<void> {
    return this.#kubectl('patch', `--patch=${JSON.stringify({ metadata })}`);
  }

  async #kubectl(verb: string, ...args: readonly string[]): Promise<void> {
    const overwrite = verb === 'patch' ? [] : ['--overwrite'];
    const pod = ['pod', this.pod.metadata.name ?? '', `--namespace=${this.#namespace}`];
    await this.#cluster.kubectl([verb, ...pod, ...overwrite, ...args]);
  }
}
