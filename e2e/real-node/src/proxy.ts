import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseEnv, binaryPaths, type Cluster, kubeconfigAs } from '@kuperator/cluster';
import { podSubnet, stateFolder } from './host.ts';
import { nodeName } from './nodes.ts';

const processName = 'kube-proxy';
const configFile = join(stateFolder, 'kube-proxy.yaml');
const healthAddress = '127.0.0.1:10256';
/** The default of kube-proxy. */
export const defaultMinSyncPeriodMs = 1_000;

/** One kube-proxy in iptables mode. Both nodes are in one network namespace, so it serves both. */
export async function startProxy(cluster: Cluster): Promise<void> {
  await writeFile(configFile, await configuration(cluster, defaultMinSyncPeriodMs));
  await cluster.run({
    name: processName,
    command: binaryPaths().path('kube-proxy'),
    args: [`--config=${configFile}`, '--v=2'],
    env: baseEnv(process.env),
    readyUrl: `http://${healthAddress}/healthz`,
    readyTimeoutMs: 60_000,
    graceful: false,
  });
}

/** Restarts kube-proxy so that two of its syncs are at least `minSyncPeriodMs` apart. Services stay reachable meanwhile. */
export async function restartProxy(cluster: Cluster, minSyncPeriodMs: number): Promise<void> {
  await writeFile(configFile, await configuration(cluster, minSyncPeriodMs));
  await cluster.restart(processName);
}

async function configuration(cluster: Cluster, minSyncPeriodMs: number): Promise<string> {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: await kubeconfigAs(cluster, 'system:kube-proxy', []) },
    mode: 'iptables',
    iptables: { minSyncPeriod: `${minSyncPeriodMs}ms` },
    clusterCIDR: podSubnet,
    hostnameOverride: nodeName(1),
    healthzBindAddress: healthAddress,
    metricsBindAddress: '127.0.0.1:10249',
    // The settings of the connection table belong to the machine, not to the namespace.
    conntrack: { maxPerCore: 0 },
  });
}
