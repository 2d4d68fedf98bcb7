import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Binaries, binaryPaths, controlPlaneBinaries, ensureBinaries, type Progress } from './binaries.ts';
import {
  type Charts,
  copyCharts,
  type HelmOptions,
  hasWebhook,
  installDefinitions,
  installOperatorChart,
  operatorNamespace,
} from './charts.ts';
import { clusterOf } from './cluster.ts';
import { planControlPlane, planNats } from './control-plane.ts';
import { defaultStorageClass } from './kwok-claims.ts';
import { simulatedNodes } from './kwok-nodes.ts';
import { availableOperators, checkReplicas, needsCloud, planOperator, selectOperators } from './operators.ts';
import type { Cluster, ClusterOptions } from './options.ts';
import { waitUntil } from './probe.ts';
import { run } from './run.ts';
import { planCcm, planSlbServer, SLB_CHART_VALUES, slbEnv } from './slb.ts';
import {
  type ClusterRecord,
  checkName,
  claimCluster,
  clusterFolder,
  Ports,
  readRecord,
  removeClusterFolder,
  writeRecord,
} from './state.ts';
import { SupervisorClient, startSupervisor } from './supervisor-client.ts';

/** The state that the steps of a start share. */
type Start = {
  options: ClusterOptions;
  record: ClusterRecord;
  dir: string;
  client: SupervisorClient;
  binaries: Binaries;
  ports: Ports;
  progress: Progress;
};

/**
 * Starts a cluster and returns when it is ready: control plane, nodes, NATS, custom resource definitions and operators. The cluster ends
 * with this process, however that ends, and leaves nothing behind. `down` ends it earlier.
 * @throws Error if a process does not become ready, with the end of its log; nothing is left then
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { cluster } = await startReleasable(options);
  return cluster;
}

/** Like `startCluster`. After `release` the cluster outlives this process, until `down`. */
export async function startReleasable(
  options: ClusterOptions,
): Promise<{ cluster: Cluster; release: () => Promise<void> }> {
  const name = options.name ?? `c-${randomBytes(4).toString('hex')}`;
  checkName(name);
  const progress = options.onProgress ?? (() => {});
  const operators = selectOperators(options.operators ?? 'all', await availableOperators(), {
    hasCloud: options.slb ?? false,
  });
  checkReplicas(options.replicas ?? {}, operators);
  if (options.kubeconfig !== undefined && !existsSync(options.kubeconfig)) {
    throw new Error(`starting cluster ${name}: no kubeconfig file ${options.kubeconfig}`);
  }
  const binaries = await ensureBinaries(progress, neededBinaries(options));
  const record = await claimCluster(name);
  const dir = clusterFolder(name);
  const supervisor = await startSupervisor(dir).catch(async (error) => {
    await removeClusterFolder(dir);
    throw error;
  });
  const { client } = supervisor;
  record.supervisorPid = supervisor.pid;
  record.operators = operators;
  record.ownControlPlane = options.kubeconfig === undefined;
  const ports = new Ports(record.portBase);
  const start: Start = { options, record, dir, client, binaries, ports, progress };
  const cluster = () => clusterOf(record, client, binaries);
  try {
    await writeRecord(record);
    const [startRest] = await Promise.all([startApiServer(start), startNats(start), startSlbServer(start)]);
    // Charts and operators need only the API server, so the rest of the control plane starts meanwhile.
    await Promise.all([startRest(), startOperators(start, operators), startCcm(start)]);
    record.ready = true;
    await writeRecord(record);
  } catch (error) {
    await cluster().down();
    throw new Error(`starting cluster ${name}: ${(error as Error).message}`, { cause: error });
  }
  const release = async () => {
    await client.request('release', null);
  };
  return { cluster: cluster(), release };
}

/**
 * Connects to the cluster called `name`, which any process may have started.
 * @throws Error if there is no such cluster, or if its supervisor was killed
 */
export async function attachCluster(name: string): Promise<Cluster> {
  checkName(name);
  const record = await readRecord(name);
  if (!record) throw new Error(`no cluster ${name}`);
  const client = await SupervisorClient.connect(clusterFolder(name));
  return clusterOf(record, client, binaryPaths());
}

const nodeCount = ({ nodes = 3 }: ClusterOptions) => nodes;
const isSimulated = (options: ClusterOptions) => nodeCount(options) > 0;

function neededBinaries(options: ClusterOptions) {
  const { kubeconfig, nats } = options;
  return controlPlaneBinaries.filter((name) => {
    if (name === 'nats-server') return nats ?? true;
    if (name === 'kwok' && !isSimulated(options)) return false;
    return kubeconfig === undefined || name === 'kubectl' || name === 'helm';
  });
}

async function startNats({ options, record, dir, client, binaries, ports }: Start): Promise<void> {
  if (options.nats === false) return;
  const { spec, url } = await planNats(dir, binaries, ports);
  await client.request('run', spec);
  record.natsUrl = url;
}

async function startSlbServer({ options, record, dir, client, ports }: Start): Promise<void> {
  if (!options.slb) return;
  const { spec, access } = await planSlbServer(dir, ports);
  await client.request('run', spec);
  record.slb = access;
}

async function startCcm({ record, dir, client, ports, progress }: Start): Promise<void> {
  if (!record.slb) return;
  progress("starting the stand-in for Alibaba's cloud-controller-manager");
  await client.request('run', await planCcm({ dir, ports, kubeconfig: record.kubeconfigPath, access: record.slb }));
}

/** Starts etcd and the API server. The returned function starts the rest of the control plane. */
async function startApiServer(start: Start): Promise<() => Promise<void>> {
  const { options, record, dir, client, binaries, ports, progress } = start;
  if (options.kubeconfig !== undefined) {
    record.kubeconfigPath = resolve(options.kubeconfig);
    return async () => {};
  }
  const simulation = isSimulated(options)
    ? {
        imageChangeDelayMs: options.imageChangeDelayMs ?? 0,
        terminationDelay: options.terminationDelay ?? 0,
        kubelet: options.kubelet,
      }
    : undefined;
  const { audit = false, apiServerFlags = [], controllerManagerFlags = [] } = options;
  const plan = await planControlPlane({
    dir,
    binaries,
    ports,
    audit,
    apiServerFlags,
    controllerManagerFlags,
    simulation,
  });
  progress('starting etcd and the API server');
  await client.request('run', plan.etcd);
  await client.request('run', plan.apiServer);
  record.kubeconfigPath = await plan.writeKubeconfigs();
  return async () => {
    progress(`starting the controller-manager, the scheduler${simulation ? ' and the simulated nodes' : ''}`);
    await Promise.all([...plan.others.map((spec) => client.request('run', spec)), createNodes(start)]);
    await nodesReady(start);
  };
}

function kubectl(
  { binaries, record }: Start,
  args: readonly string[],
  options: { readonly what: string; readonly input?: string },
): Promise<string> {
  const all = [`--kubeconfig=${record.kubeconfigPath}`, ...args];
  return run(binaries.path('kubectl'), all, options);
}

async function createNodes(start: Start): Promise<void> {
  if (!isSimulated(start.options)) return;
  const items = [defaultStorageClass, ...simulatedNodes(nodeCount(start.options))];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await kubectl(start, ['create', '--validate=false', '--filename=-'], { what: 'creating the nodes', input: list });
}

/** Waits until every node accepts Pods and the default namespace has its ServiceAccount, without which no Pod is admitted. */
async function nodesReady(start: Start): Promise<void> {
  type Item = { kind: string; spec?: { taints?: unknown[] }; metadata: { name: string } };
  const ready = async () => {
    const args = ['get', 'nodes,serviceaccounts', '--namespace=default', '--output=json'];
    const { items } = JSON.parse(await kubectl(start, args, { what: 'reading the nodes' })) as { items: Item[] };
    const tainted = items.filter(({ kind, spec }) => kind === 'Node' && (spec?.taints?.length ?? 0) > 0);
    return (
      tainted.length === 0 &&
      items.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'default')
    );
  };
  await waitUntil(ready, { what: 'the nodes to be ready', timeoutMs: 60_000, everyMs: 100 });
}

async function startOperators(start: Start, operators: readonly string[]): Promise<void> {
  const charts = await copyCharts(start.dir);
  const helm = { binaries: start.binaries, dir: start.dir, kubeconfig: start.record.kubeconfigPath };
  if (charts.hasDefinitions && start.options.definitions !== false) {
    start.progress('installing the custom resource definitions');
    await installDefinitions(charts, helm);
  }
  if (operators.length > 0) start.progress(`installing and starting ${operators.join(', ')}`);
  await Promise.all(operators.map((app) => startOperator(start, { app, charts, helm })));
}

async function startOperator(
  start: Start,
  { app, charts, helm }: { readonly app: string; readonly charts: Charts; readonly helm: HelmOptions },
): Promise<void> {
  const { options, record, dir, client, binaries, ports } = start;
  if (!charts.operators.includes(app)) throw new Error(`${app} has no chart under deploy/charts`);
  const replicas = new Map(Object.entries(options.replicas ?? {})).get(app) ?? 1;
  const webhookPorts: number[] = [];
  if (record.ownControlPlane && (await hasWebhook(app, charts))) {
    for (let count = 0; count < replicas; count++) webhookPorts.push(await ports.take());
  }
  const values = [
    ...(needsCloud(app) ? SLB_CHART_VALUES : []),
    ...(await webhookValues(app, charts, webhookPorts)),
    ...(new Map(Object.entries(options.chartValues ?? {})).get(app) ?? []),
  ];
  await installOperatorChart(helm, { app, charts, values });
  const env = options.operatorEnv ?? {};
  const specs = await planOperator({
    app,
    replicas,
    webhookPorts,
    clusterName: record.name,
    dir,
    binaries,
    ports,
    adminKubeconfig: record.kubeconfigPath,
    natsUrl: record.natsUrl,
    extraEnv: {
      ...slbEnv(record.slb),
      ...(webhookPorts.length > 0 ? await webhookKindsEnv(start, app) : {}),
      ...(typeof env === 'function' ? env(app) : env),
    },
  });
  await Promise.all(specs.map((spec) => client.request('run', spec)));
}

/** The webhook configurations of the chart depend on what the API server serves. The environment of the Deployment shows them. */
async function webhookKindsEnv(start: Start, app: string): Promise<Record<string, string>> {
  const name = 'WEBHOOK_CONFIGURATION_KINDS';
  const output = `--output=jsonpath={.spec.template.spec.containers[0].env[?(@.name=="${name}")].value}`;
  const args = ['get', 'deployment', app, `--namespace=${operatorNamespace}`, output];
  return { [name]: await kubectl(start, args, { what: `reading the webhooks of ${app}` }) };
}

/**
 * A URL names one process, so the API server calls the first replica. While that replica is down, deletions go through at once. An API
 * server of the user may run on another machine, from which it could not reach the replica.
 */
async function webhookValues(app: string, charts: Charts, ports: readonly number[]): Promise<readonly string[]> {
  if (!(await hasWebhook(app, charts))) return [];
  if (ports.length === 0) return ['webhook.enabled=false', 'readinessGate.mode=policy'];
  return [`webhook.url=https://127.0.0.1:${ports[0]}`, 'webhook.failurePolicy=Ignore'];
}
