import { own, PODS, type Pod } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { Observer } from '@kuperator/observer';
import type { KubeClient } from '@kuperator/runtime';
import { DEADLINE_MS } from './application.ts';
import { service } from './manifests.ts';

const DOMAIN = 'podopslifecycle.kusionstack.io';
const CONTROL = 'kusionstack.io/control';
const GATE = 'pod.kusionstack.io/service-ready';
const CONDITIONS = 'pod.kusionstack.io/available-conditions';
export const AVAILABLE = 'service-available';

export type LonePodOptions = {
  readonly namespace: string;
  readonly name?: string;
  /** If false, the Pod is put under control after its creation, so it has no readiness gate. */
  readonly gated?: boolean;
  /** Whether a Service selects the Pod, so that the endpointslice-adapter guards it. */
  readonly inService?: boolean;
  readonly labels?: Record<string, string>;
};

/**
 * A Pod without an owner, and clients that know the protocol and write with kubectl or plain HTTP, without our libraries. Labels have
 * short names: `operating/job-1` is `operating.podopslifecycle.kusionstack.io/job-1`, `stay-offline` has no prefix.
 */
export class LonePod {
  readonly observer: Observer;
  /** All stored versions of the Pod since the last `reset`. */
  readonly versions: Pod[] = [];
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #name: string;

  private constructor(cluster: Cluster, client: KubeClient, { namespace, name = 'web' }: LonePodOptions) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#name = name;
    this.observer = new Observer({ client, namespace, service: 'web' });
    this.observer.pods.onChange(({ object }) => this.versions.push(object));
  }

  /** Forgets all versions except the present one. */
  reset(): void {
    this.versions.splice(0, this.versions.length - 1);
  }

  /** Creates the Pod (and its namespace), and returns once it is in service, unless it has the label stay-offline. */
  static async create(cluster: Cluster, client: KubeClient, options: LonePodOptions): Promise<LonePod> {
    const { namespace, gated = true, inService = false, labels = {} } = options;
    const pod = new LonePod(cluster, client, options);
    await cluster.kubectl(['create', 'namespace', namespace]);
    await pod.observer.start();
    if (inService) await cluster.kubectl(['create', '--filename=-'], JSON.stringify(service(namespace)));
    const control = { [CONTROL]: 'true' };
    await client.create(PODS, {
      metadata: { name: pod.#name, namespace, labels: { app: 'web', ...(gated ? control : {}), ...labels } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: 'web:v1' }] },
    });
    await pod.untilSo('is seen', () => !pod.isGone);
    if (!gated) await pod.kubectl('label', `${CONTROL}=true`);
    if (Object.keys(labels).length === 0) await pod.serves();
    return pod;
  }

  /** The latest version that was seen. */
  get pod(): Pod {
    const pod = this.observer.pods.get(`${this.#namespace}/${this.#name}`);
    if (!pod) throw new Error(`the Pod ${this.#namespace}/${this.#name} is gone`);
    return pod;
  }

  get isGone(): boolean {
    return this.observer.pods.get(`${this.#namespace}/${this.#name}`) === undefined;
  }

  get isInTraffic(): boolean {
    return this.observer.ready().has(this.pod.metadata.uid ?? '');
  }

  /** Lifecycle labels in short, sorted. */
  labels(): readonly string[] {
    return shortLabels(this.pod);
  }

  has(label: string): boolean {
    return this.labels().includes(label);
  }

  value(label: string): string | undefined {
    return own(this.pod.metadata.labels, keyFor(label));
  }

  gate() {
    return this.condition(GATE);
  }

  condition(type: string) {
    return this.pod.status?.conditions?.find((condition) => condition.type === type);
  }

  /** Every set of lifecycle labels that the Pod has had, in order. */
  history(): readonly string[] {
    const sets = this.versions.map((pod) => shortLabels(pod).join(' '));
    return sets.filter((labels, index) => labels !== sets[index - 1]);
  }

  /** Sets (`operating/job-1=1`) and removes (`operating/job-1-`) labels in one write. */
  label(...changes: readonly string[]): Promise<void> {
    return this.kubectl('label', ...changes.map((change) => keyFor(change)));
  }

  begin(id: string, type = 'Restart'): Promise<void> {
    return this.label(`operating/${id}=1`, `operation-type/${id}=${type}`);
  }

  undo(id: string, type = 'Restart'): Promise<void> {
    return this.label(`undo-operation-type/${id}=${type}`);
  }

  async finish(id: string): Promise<void> {
    await this.until(`operate/${id}`);
    await this.label(`operating/${id}-`);
  }

  addFinalizer(name: string): Promise<void> {
    return this.patch({ metadata: { finalizers: [`prot.${DOMAIN}/${name}`] } });
  }

  removeFinalizer(name: string): Promise<void> {
    return this.patch({ metadata: { '$deleteFromPrimitiveList/finalizers': [`prot.${DOMAIN}/${name}`] } });
  }

  /** Announces that `employer` has its finalizer on the Pod while the Pod is available. Keeps the announcements of others. */
  expect(employer: string, name: string): Promise<void> {
    const conditions = JSON.parse(this.pod.metadata.annotations?.[CONDITIONS] ?? '{}');
    const expectedFinalizers = { ...conditions.expectedFinalizers, [employer]: `prot.${DOMAIN}/${name}` };
    return this.kubectl('annotate', `${CONDITIONS}=${JSON.stringify({ expectedFinalizers })}`);
  }

  patch(body: object, ...args: readonly string[]): Promise<void> {
    return this.kubectl('patch', `--patch=${JSON.stringify(body)}`, ...args);
  }

  /** Writes the container's readiness, as the kubelet would. */
  async setReady(ready: boolean): Promise<void> {
    const statuses = (this.pod.status?.containerStatuses ?? []).map((status) => ({ ...status, ready }));
    await this.patch({ status: { containerStatuses: statuses } }, '--subresource=status');
  }

  /** Waits until the Pod has all the labels. */
  until(...labels: readonly string[]): Promise<void> {
    return this.untilSo(`has ${labels.join(', ')}`, () => labels.every((label) => this.has(label)));
  }

  untilSo(what: string, isSo: () => boolean): Promise<void> {
    return this.observer.until(`the Pod of ${this.#namespace} ${what}`, isSo, DEADLINE_MS);
  }

  /** Waits until the Pod is available and has no labels of an operation. */
  serves(): Promise<void> {
    return this.untilSo('serves', () => this.labels().join() === AVAILABLE);
  }

  /** Resolves once nothing has changed for `quietMs`. */
  rests(quietMs = 700): Promise<void> {
    return this.observer.untilQuiet(quietMs, DEADLINE_MS);
  }

  /** Returns once the watch has also delivered the write. */
  async kubectl(verb: string, ...args: readonly string[]): Promise<void> {
    const overwrite = verb === 'label' || verb === 'annotate' ? ['--overwrite'] : [];
    const pod = ['pod', this.#name, `--namespace=${this.#namespace}`];
    await this.#cluster.kubectl([verb, ...pod, ...overwrite, ...args]);
    await this.observer.catchUp();
  }

  /** Makes operations wait in `stage` until the Pod has the label `consent=given`. */
  async requireConsent(stage: 'PreCheck' | 'PostCheck'): Promise<void> {
    const requires = { matchLabels: { consent: 'given' } };
    await this.rule('consent', { stage, labelCheck: { requires } });
  }

  consent(given: boolean): Promise<void> {
    return this.kubectl('label', given ? 'consent=given' : 'consent-');
  }

  /** Allows this number of Pods to be out of service at the same time. */
  limit(maxUnavailableValue: number, name = 'limit'): Promise<void> {
    return this.rule(name, { availablePolicy: { maxUnavailableValue } });
  }

  /** Deletes a rule. */
  async forget(rule: string): Promise<void> {
    await this.#cluster.kubectl(['delete', 'podtransitionrule', rule, `--namespace=${this.#namespace}`]);
  }

  /** Creates a rule, or changes it. */
  async rule(name: string, rule: object): Promise<void> {
    const object = {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'PodTransitionRule',
      metadata: { name, namespace: this.#namespace },
      spec: { selector: { matchLabels: { app: 'web' } }, rules: [{ name, ...rule }] },
    };
    await this.#cluster.kubectl(['apply', '--filename=-'], JSON.stringify(object));
  }
}

/** Lifecycle labels in short, sorted. */
function shortLabels(pod: Pod): readonly string[] {
  return Object.keys(pod.metadata.labels ?? {})
    .filter((key) => key.includes(`${DOMAIN}/`))
    .map((key) => key.replace(`.${DOMAIN}/`, '/').replace(`${DOMAIN}/`, ''))
    .sort();
}

function keyFor(label: string): string {
  return label.includes('/') ? label.replace('/', `.${DOMAIN}/`) : `${DOMAIN}/${label}`;
}
