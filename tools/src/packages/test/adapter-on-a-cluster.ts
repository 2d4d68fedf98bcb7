import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  COLLA_SETS,
  COLLASET_OPERATION_ID,
  CONTROL_LABEL,
  type CollaSet,
  PODS,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
  SERVICES,
  type Service,
  stageLabel,
} from '@kuperator/api';
import { type Cluster, startCluster, waitUntil } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';

const NAMESPACE = 'default';
const NAME = 'web';
const APP = { app: NAME };
const ADAPTER = 'http-registry-adapter';
/** Where the example's manifest puts the adapter. */
const ADAPTER_NAMESPACE = 'http-registry';
const USER = `system:serviceaccount:${ADAPTER_NAMESPACE}:${ADAPTER}`;
export const REPLICAS = 3;
/** Long enough that the registry is read several times while a Pod is being changed. */
const IMAGE_CHANGE_MS = 3000;
const DEADLINE_MS = 120_000;

type Member = { podName: string; state: string };

const ref = { namespace: NAMESPACE, name: NAME };

/**
 * The example's built JavaScript as processes of a real cluster: the registry, and the adapter with the rights of its manifest. There is a
 * Service with a CollaSet.
 */
export class AdapterOnACluster {
  readonly #cluster: Cluster;
  readonly #client: KubeClient;
  readonly #registryUrl: string;

  static async start(example: string): Promise<AdapterOnACluster> {
    const cluster = await startCluster({
      operators: ['podopslifecycle-coordinator', 'collaset-controller'],
      // The policy of the coordinator's chart refuses adapters that it does not know.
      chartValues: { 'podopslifecycle-coordinator': [`lifecycleLabels.grants.users={${USER}}`] },
      nats: false,
      imageChangeDelayMs: IMAGE_CHANGE_MS,
    });
    try {
      const registryUrl = await startRegistry(cluster, example);
      await startAdapter(cluster, example, registryUrl);
      const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
      await client.create(SERVICES, service);
      await client.create(COLLA_SETS, collaSet);
      return new AdapterOnACluster(cluster, client, registryUrl);
    } catch (error) {
      await cluster.down();
      throw error;
    }
  }

  constructor(cluster: Cluster, client: KubeClient, registryUrl: string) {
    this.#cluster = cluster;
    this.#client = client;
    this.#registryUrl = registryUrl;
  }

  async stop(): Promise<void> {
    await this.#client.close();
    await this.#cluster.down();
  }

  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.#client.list(PODS, { namespace: NAMESPACE, labelSelector: `app=${NAME}` });
    return items;
  }

  members(): Promise<readonly Member[]> {
    return this.#read(`/services/${NAMESPACE}/${NAME}/members`);
  }

  /** What the registry has done with the Pod, in order. */
  async changesOf(pod: Pod): Promise<readonly string[]> {
    const changes = await this.#read<readonly { podName: string; change: string }[]>('/changes');
    return changes.filter(({ podName }) => podName === pod.metadata.name).map(({ change }) => change);
  }

  /** Waits until all Pods run `image`, are available and are registered. Calls `look` before each look at them. */
  async serves(image: string, look: () => Promise<void> = async () => {}): Promise<void> {
    const serve = async () => {
      await look();
      const [pods, members] = await Promise.all([this.pods(), this.members()]);
      const serving = new Set(members.filter(({ state }) => state === 'serving').map(({ podName }) => podName));
      return pods.length === REPLICAS && pods.every((pod) => runs(pod, image) && serving.has(pod.metadata.name ?? ''));
    };
    await waitUntil(serve, { what: `all Pods to serve ${image}`, timeoutMs: DEADLINE_MS });
  }

  /**
   * Updates the CollaSet in place.
   * @returns for each Pod by name whether the registry listed it at a moment when the Pod was being changed
   */
  async update(image: string): Promise<ReadonlyMap<string, boolean>> {
    const template = { spec: { containers: [{ name: 'app', image }] } };
    await this.#client.patch(COLLA_SETS, ref, { type: 'merge', body: { spec: { template } } });
    const listed = new Map<string, boolean>();
    await this.serves(image, async () => {
      const before = await this.pods();
      const members = new Set((await this.members()).map(({ podName }) => podName));
      const after = new Map((await this.pods()).map((pod) => [pod.metadata.uid, pod]));
      for (const pod of before) {
        const { name = '', uid } = pod.metadata;
        // If the same change was in progress before and after the registry was read, it was in progress at that moment too.
        const since = changedSince(pod);
        if (since === undefined || changedSince(after.get(uid)) !== since) continue;
        listed.set(name, members.has(name) || (listed.get(name) ?? false));
      }
    });
    return listed;
  }

  async finalizersOfService(): Promise<readonly string[]> {
    return (await this.#client.get(SERVICES, ref)).metadata.finalizers ?? [];
  }

  /** Returns once the Service is gone. */
  async deleteService(): Promise<void> {
    await this.#cluster.kubectl(['delete', 'service', NAME, `--namespace=${NAMESPACE}`, '--timeout=60s']);
  }

  log(): Promise<string> {
    return readFile(join(this.#cluster.dir, `${ADAPTER}.log`), 'utf8');
  }

  async #read<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#registryUrl}${path}`);
    return (await response.json()) as T;
  }
}

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { ...ref, labels: { [CONTROL_LABEL]: 'true' } },
  spec: { selector: APP, ports: [{ port: 80 }] },
};

const collaSet: CollaSet = {
  apiVersion: 'apps.kusionstack.io/v1alpha1',
  kind: 'CollaSet',
  metadata: ref,
  spec: {
    replicas: REPLICAS,
    selector: { matchLabels: APP },
    template: { metadata: { labels: APP }, spec: { containers: [{ name: 'app', image: 'app:v1' }] } },
  },
};

async function startRegistry(cluster: Cluster, example: string): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await cluster.run({
    name: 'registry',
    command: process.execPath,
    args: [join(example, 'dist', 'registry-server.js')],
    env: { PORT: String(port), DRAIN_MS: '1000' },
    readyUrl: `${url}/changes`,
    readyTimeoutMs: DEADLINE_MS,
    graceful: false,
  });
  return url;
}

/** Applies the example's manifest and runs the adapter under the ServiceAccount in it. The nodes are simulated, so the Deployment runs nothing. */
async function startAdapter(cluster: Cluster, example: string, registryUrl: string): Promise<void> {
  await cluster.kubectl(['apply', `--filename=${join(example, 'deploy.yaml')}`]);
  const port = await freePort();
  await cluster.run({
    name: ADAPTER,
    command: process.execPath,
    args: [join(example, 'dist', 'main.js')],
    env: {
      KUBECONFIG: await kubeconfigOfAdapter(cluster),
      POD_NAME: ADAPTER,
      POD_NAMESPACE: ADAPTER_NAMESPACE,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      REGISTRY_URL: registryUrl,
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
    readyTimeoutMs: DEADLINE_MS,
    graceful: true,
  });
}

async function kubeconfigOfAdapter(cluster: Cluster): Promise<string> {
  const token = await cluster.kubectl(['create', 'token', ADAPTER, `--namespace=${ADAPTER_NAMESPACE}`]);
  const config = JSON.parse(await readFile(cluster.kubeconfigPath, 'utf8')) as { users: { name: string }[] };
  const users = config.users.map(({ name }) => ({ name, user: { token: token.trim() } }));
  const file = join(cluster.dir, `${ADAPTER}.kubeconfig`);
  await writeFile(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return file;
}

/** Since when the Pod's change is permitted; undefined if it is not, or if the change is complete. */
function changedSince(pod: Pod | undefined): string | undefined {
  const labels = pod?.metadata.labels ?? {};
  const isDone = labels[stageLabel('operated', COLLASET_OPERATION_ID)] !== undefined;
  return isDone ? undefined : labels[stageLabel('operate', COLLASET_OPERATION_ID)];
}

/** Whether the Pod runs `image`, is available, and has no operation. */
function runs({ metadata, status }: Pod, image: string): boolean {
  const labels = metadata.labels ?? {};
  const isOperating = labels[stageLabel('operating', COLLASET_OPERATION_ID)] !== undefined;
  const isAvailable = labels[SERVICE_AVAILABLE_LABEL] !== undefined;
  return (
    isAvailable && !isOperating && (status?.containerStatuses ?? []).some((container) => container.image === image)
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
