import { type Cluster, startCluster } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import type { Arena } from './pod-manifest.ts';
import { PodWatch } from './pod-watch.ts';

export const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** What a contender works with: its namespace, and the watch of the Pods in it. */
export type Contest = { readonly client: KubeClient; readonly watch: PodWatch; readonly arena: Arena };
type Contender<T> = (contest: Contest) => Promise<T>;

/** Prepares the namespace, the client and the watch of a contender. */
export async function contend<T>(cluster: Cluster, namespace: string, run: Contender<T>): Promise<T> {
  await cluster.kubectl(['create', 'namespace', namespace]);
  const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'bench' });
  const watch = new PodWatch(client, { namespace });
  await watch.start();
  try {
    return await run({ client, watch, arena: { namespace } });
  } finally {
    await watch.stop();
    await client.close();
  }
}

export async function withCluster<T>(operators: 'all' | 'none', run: (cluster: Cluster) => Promise<T>): Promise<T> {
  await using cluster = await startCluster({ operators, audit: true, onProgress: (line) => say(`  ${line}`) });
  return await run(cluster);
}
