// A node is a containerd and a kubelet, as processes of the cluster's supervisor, with their own folders and sockets.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseEnv, binaryPaths, type Cluster, kubeconfigAs, run, waitUntil } from '@kuperator/cluster';
import { makeCgroup } from './cgroups.ts';
import { addNodeAddress, bridge, firstPodAddress, nodeAddress, podSubnet, stateFolder } from './host.ts';
import { pauseImage } from './images.ts';
import { cniPluginFolder } from './packages.ts';

const readyTimeoutMs = 60_000;

/** Folder in which containers append to the file `log`. */
export const signalsFolder = join(stateFolder, 'signals');

export const nodeName = (number: number) => `node-${number}`;
export const kubeletOf = (number: number) => `kubelet-${number}`;
export const containerdOf = (number: number) => `containerd-${number}`;
const socketOf = (folder: string) => join(folder, 'containerd.sock');

type NodeOptions = {
  cluster: Cluster;
  /** Number of the node, from 1. */
  number: number;
  /** Control group of the run, which contains that of the node. */
  cgroup: string;
  /** OCI archives to load on the node. */
  archives: readonly string[];
};

/** Starts a node and returns once it accepts Pods. */
export async function startNode({ cluster, number, cgroup, archives }: NodeOptions): Promise<void> {
  const folder = join(stateFolder, nodeName(number));
  await mkdir(join(folder, 'cni'), { recursive: true });
  await mkdir(signalsFolder, { recursive: true });
  const nodeCgroup = join(cgroup, nodeName(number));
  await makeCgroup(nodeCgroup);
  if (number > 1) await addNodeAddress(number);

  await writeFile(join(folder, 'cni', '10-pods.conflist'), JSON.stringify(podNetwork));
  const containerdConfig = join(folder, 'containerd.toml');
  await writeFile(containerdConfig, containerdConfiguration(folder));
  await cluster.run({
    name: containerdOf(number),
    command: 'containerd',
    args: [`--config=${containerdConfig}`],
    env: baseEnv(process.env),
    readyTimeoutMs,
    graceful: false,
  });
  await containerdAnswers(folder);
  for (const archive of archives) await ctr(folder, 'images', 'import', archive);

  const kubeletConfig = join(folder, 'kubelet.yaml');
  const healthPort = 10_247 + number;
  await writeFile(
    kubeletConfig,
    JSON.stringify(kubeletConfiguration({ folder, cgroup: nodeCgroup, number, healthzPort: healthPort })),
  );
  await cluster.run({
    name: kubeletOf(number),
    command: binaryPaths().path('kubelet'),
    args: [
      `--config=${kubeletConfig}`,
      `--kubeconfig=${await kubeconfigAs(cluster, `system:node:${nodeName(number)}`, ['system:nodes'])}`,
      `--hostname-override=${nodeName(number)}`,
      `--node-ip=${nodeAddress(number)}`,
      `--root-dir=${join(folder, 'kubelet')}`,
      `--cert-dir=${join(folder, 'pki')}`,
    ],
    env: baseEnv(process.env),
    readyUrl: `http://127.0.0.1:${healthPort}/healthz`,
    readyTimeoutMs,
    graceful: false,
  });
  await nodeReady(cluster, number);
}

/** Kills containerd or the kubelet of a node as a crash would, and starts it again. */
export async function crash(cluster: Cluster, process: string): Promise<void> {
  await cluster.stop(process, 'SIGKILL');
  await cluster.start(process);
}

async function nodeReady(cluster: Cluster, number: number): Promise<void> {
  type Node = { spec: { taints?: unknown[] }; status: { conditions?: { type: string; status: string }[] } };
  const ready = async () => {
    const { items } = JSON.parse(await cluster.kubectl(['get', 'nodes', '--output=json'])) as {
      items: (Node & { metadata: { name: string } })[];
    };
    const node = items.find(({ metadata }) => metadata.name === nodeName(number));
    return (
      node !== undefined &&
      (node.spec.taints ?? []).length === 0 &&
      node.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
    );
  };
  await waitUntil(ready, { what: `${nodeName(number)} to be ready`, timeoutMs: readyTimeoutMs, everyMs: 250 });
}

async function containerdAnswers(folder: string): Promise<void> {
  const answers = () =>
    ctr(folder, 'version').then(
      () => true,
      () => false,
    );
  await waitUntil(answers, { what: 'containerd to answer', timeoutMs: readyTimeoutMs, everyMs: 100 });
}

async function ctr(folder: string, ...args: readonly string[]): Promise<void> {
  await run('ctr', [`--address=${socketOf(folder)}`, '--namespace=k8s.io', ...args], { what: `ctr ${args[0]}` });
}

/** Both nodes are on one bridge and share one pool of addresses. */
const podNetwork = {
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: join(stateFolder, 'addresses'),
        ranges: [[{ subnet: podSubnet, rangeStart: firstPodAddress, gateway: nodeAddress(1) }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  ],
};

function containerdConfiguration(folder: string): string {
  return `version = 2
root = "${folder}/containerd"
state = "${folder}/state"
[grpc]
  address = "${socketOf(folder)}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniPluginFolder}"
    conf_dir = "${folder}/cni"
`;
}

type KubeletOptions = {
  readonly folder: string;
  readonly cgroup: string;
  /** Number of the node, from 1. */
  readonly number: number;
  readonly healthzPort: number;
};

/** For Pods this is a standard kubelet. The other settings keep it within its folder, and switch off what needs a whole host. */
function kubeletConfiguration({ folder, cgroup, number, healthzPort }: KubeletOptions): object {
  const socket = `unix://${socketOf(folder)}`;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    port: 10_250 + 10 * (number - 1),
    healthzPort,
    containerRuntimeEndpoint: socket,
    imageServiceEndpoint: socket,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    // A busy machine must not affect the run: no evictions, and no collection of images that no Pod uses at the moment.
    evictionHard: { 'memory.available': '1Mi' },
    imageGCHighThresholdPercent: 100,
    localStorageCapacityIsolation: false,
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'volume-plugins'),
    resolvConf: '',
    registerWithTaints: [],
  };
}
