import {
  COLLA_SETS,
  type CollaSet,
  isTerminating,
  POD_TRANSITION_RULES,
  type Pod,
  type PodTransitionRule,
  type PodUpgradePolicy,
  SERVICES,
  type Service,
} from '@kuperator/api';
import { type Cluster, CommandError, waitUntil } from '@kuperator/cluster';
import { Observer } from '@kuperator/observer';
import type { KubeClient } from '@kuperator/runtime';
import { imageOf } from './images.ts';
import { signalsFolder } from './nodes.ts';

/** Long, because the machine may be busy. */
export const DEADLINE_MS = 120_000;

const SERVICE_AVAILABLE = 'podopslifecycle.kusionstack.io/service-available';
const port = 8080;

type Template = {
  /** Tag of the image. */
  tag: string;
  /** CPU request. It can be changed in a running container. */
  cpu?: string;
  /** Value of an environment variable. It cannot be changed in a running container. */
  setting?: string;
};

export type ApplicationOptions = {
  /** Name of the CollaSet, its namespace and its Service. Its Pods are called `<name>-<suffix>`. */
  name: string;
  replicas: number;
  upgradePolicy?: PodUpgradePolicy;
  /** Annotations of the Service. */
  annotations?: Record<string, string>;
};

/** A CollaSet behind a Service, with at most one Pod out of service. */
export class Application {
  readonly name: string;
  readonly observer: Observer;
  readonly #cluster: Cluster;
  readonly #client: KubeClient;
  readonly #options: ApplicationOptions;

  constructor(cluster: Cluster, client: KubeClient, options: ApplicationOptions) {
    this.name = options.name;
    this.observer = new Observer({ client, namespace: options.name, service: options.name });
    this.#cluster = cluster;
    this.#client = client;
    this.#options = options;
  }

  /** Applies all manifests and returns once all Pods serve `v1`. */
  async deploy(): Promise<void> {
    const { name, replicas, upgradePolicy = 'InPlaceIfPossible', annotations = {} } = this.#options;
    await this.#cluster.kubectl(['create', 'namespace', name]);
    await this.observer.start();
    await this.#client.create(SERVICES, serviceOf(name, annotations));
    await this.#client.create(POD_TRANSITION_RULES, budgetOf(name));
    const updateStrategy = { podUpgradePolicy: upgradePolicy };
    const spec = { replicas, selector: { matchLabels: { app: name } }, template: this.#template({ tag: 'v1' }) };
    await this.#client.create(COLLA_SETS, {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'CollaSet',
      metadata: { name, namespace: name },
      spec: { ...spec, updateStrategy },
    });
    await this.serves();
  }

  /** Deletes all objects, and returns before they are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.observer.stop();
    await this.#cluster.kubectl(['delete', 'namespace', this.name, '--wait=false']);
  }

  /** Changes the template. Fields that are not given return to their first values. */
  async update(template: Template): Promise<void> {
    await this.#change({ template: this.#template(template) });
  }

  async scale(replicas: number): Promise<void> {
    await this.#change({ replicas });
  }

  /** Waits until the CollaSet reports that it is done and all its Pods are in service. */
  async serves(): Promise<void> {
    await waitUntil(async () => isDone(await this.#set()), {
      what: `CollaSet ${this.name} to be done`,
      timeoutMs: DEADLINE_MS,
      everyMs: 200,
    }).catch(async (error) => {
      throw new Error(`${(error as Error).message}\n${this.#describe(await this.#set())}`, { cause: error });
    });
    const all = () => this.pods().length > 0 && this.pods().every((pod) => this.isInService(pod));
    await this.observer.until(`all Pods of ${this.name} to be in service`, all, DEADLINE_MS);
  }

  /** Waits until the specs of at least `count` Pods name the image with `tag`. */
  reached(tag: string, count: number): Promise<void> {
    const asked = () => this.pods().filter((pod) => imageAskedOf(pod) === imageOf(tag)).length >= count;
    return this.observer.when(`${count} Pods of ${this.name} to be asked to run ${tag}`, asked, DEADLINE_MS);
  }

  /** Waits until a container that is to run `tag` has the waiting reason `reason`. */
  waits(tag: string, reason: string): Promise<void> {
    const waiting = (pod: Pod) =>
      imageAskedOf(pod) === imageOf(tag) &&
      pod.status?.containerStatuses?.some(({ state }) => reasonOf(state?.waiting) === reason) === true;
    const what = `a Pod of ${this.name} to wait for ${reason}`;
    return this.observer.when(what, () => this.pods().some(waiting), DEADLINE_MS);
  }

  /** Waits until a condition of the CollaSet names `holder`. */
  async names(holder: string): Promise<void> {
    const named = async () => JSON.stringify((await this.#set()).status?.conditions ?? []).includes(holder);
    const what = `a condition of CollaSet ${this.name} to name ${holder}`;
    await waitUntil(named, { what, timeoutMs: DEADLINE_MS, everyMs: 200 });
  }

  /** Waits until the spec of `pod` names the image with `tag`. */
  asked(pod: Pod, tag: string): Promise<void> {
    const isAsked = () =>
      this.pods().some((each) => each.metadata.uid === pod.metadata.uid && imageAskedOf(each) === imageOf(tag));
    return this.observer.when(`${pod.metadata.name} to be asked to run ${tag}`, isAsked, DEADLINE_MS);
  }

  /** Waits until there is no Pod called `name`. */
  gone(name: string): Promise<void> {
    const isGone = () => this.pods().every(({ metadata }) => metadata.name !== name);
    return this.observer.when(`${name} to be gone`, isGone, DEADLINE_MS);
  }

  /** Evicts a Pod, with retries until it succeeds. */
  async evict(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${this.name}/pods/${name}/eviction`;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: this.name } };
    const evicted = () =>
      this.kubectl(['create', '--raw', path, '--filename=-'], JSON.stringify(eviction)).then(
        () => true,
        (error) => {
          if (error instanceof CommandError && /TooManyRequests|429/.test(error.stderr)) return false;
          throw error;
        },
      );
    await waitUntil(evicted, { what: `the eviction of ${name}`, timeoutMs: DEADLINE_MS, everyMs: 1_000 });
    await this.gone(name);
  }

  pods(): readonly Pod[] {
    return this.observer.pods.list();
  }

  isInService(pod: Pod): boolean {
    return !isTerminating(pod) && this.observer.ready().has(pod.metadata.uid ?? '') && isDeclaredFinished(pod);
  }

  /** The answers of all Pods: the version of the program that runs in each. */
  async versions(): Promise<readonly string[]> {
    const answers = await Promise.all(this.pods().map((pod) => ask(pod, '/')));
    return answers.map((answer) => answer.split(' ')[1] ?? answer).toSorted();
  }

  /** The address of the Service, as reached from the node. */
  async url(): Promise<string> {
    const { spec } = await this.#client.get(SERVICES, { namespace: this.name, name: this.name });
    return `http://${spec.clusterIP}/`;
  }

  /** Runs kubectl in the application's namespace. */
  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.#cluster.kubectl([`--namespace=${this.name}`, ...args], input);
  }

  #set(): Promise<CollaSet> {
    return this.#client.get(COLLA_SETS, { namespace: this.name, name: this.name });
  }

  async #change(spec: object): Promise<void> {
    await this.#client.patch(COLLA_SETS, { namespace: this.name, name: this.name }, { type: 'merge', body: { spec } });
  }

  #template({ tag, cpu = '20m', setting = 'a' }: Template) {
    return {
      metadata: { labels: { app: this.name } },
      spec: {
        terminationGracePeriodSeconds: 5,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        containers: [
          {
            name: 'web',
            image: imageOf(tag),
            imagePullPolicy: 'Never',
            env: [{ name: 'SETTING', value: setting }],
            ports: [{ containerPort: port }],
            readinessProbe: { httpGet: { path: '/', port }, periodSeconds: 1 },
            // Memory is not changed: a kubelet refuses to lower its limit as long as it has not measured a new container.
            resources: { requests: { cpu, memory: '64Mi' }, limits: { memory: '64Mi' } },
            volumeMounts: [{ name: 'signals', mountPath: '/signals' }],
          },
        ],
        volumes: [{ name: 'signals', hostPath: { path: signalsFolder } }],
      },
    };
  }

  #describe({ status }: CollaSet): string {
    const pods = this.pods().map(({ metadata, status: { containerStatuses, conditions } = {} }) => {
      const states = containerStatuses?.map(({ image, state, ready }) => ({ image, state, ready }));
      const unmet = conditions?.filter((condition) => condition.status !== 'True');
      return `  ${metadata.name} ${JSON.stringify({ labels: metadata.labels, finalizers: metadata.finalizers, states, unmet })}`;
    });
    return [JSON.stringify(status), ...pods].join('\n');
  }
}

/** Whether the Pod counts as available and has no operation. */
export function isDeclaredFinished({ metadata: { labels = {} } }: Pod): boolean {
  const marks = Object.keys(labels).filter((key) => /(^|\.)podopslifecycle\.kusionstack\.io\//.test(key));
  return marks.length === 1 && marks[0] === SERVICE_AVAILABLE;
}

function reasonOf(state: unknown): string | undefined {
  return (state as { reason?: string } | undefined)?.reason;
}

/** The image that the spec of a Pod names. */
function imageAskedOf(pod: Pod): string | undefined {
  return pod.spec.containers[0]?.image;
}

/** Sends a request directly to a Pod, not through its Service. */
export async function ask(pod: Pod, path: string): Promise<string> {
  const response = await fetch(`http://${pod.status?.podIP}:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
  return response.text();
}

function isDone({ metadata, spec, status }: CollaSet): boolean {
  const replicas = spec.replicas ?? 0;
  return (
    status?.observedGeneration === metadata.generation &&
    status?.replicas === replicas &&
    (status.updatedAvailableReplicas ?? 0) === replicas &&
    (status.operatingReplicas ?? 0) === 0
  );
}

function serviceOf(name: string, annotations: Record<string, string>): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: name, labels: { 'kusionstack.io/control': 'true' }, annotations },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: port }] },
  };
}

function budgetOf(name: string): PodTransitionRule {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name, namespace: name },
    spec: {
      selector: { matchLabels: { app: name } },
      rules: [{ name: 'budget', availablePolicy: { maxUnavailableValue: 1 } }],
    },
  };
}
