import type { Cluster, ClusterOptions } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, afterEach } from 'vitest';
import { LonePod, type LonePodOptions } from './lone-pod.ts';
import { stage } from './stage.ts';

/** Starts one cluster with all operators for the tests of a file, which use Pods without an owner. Each Pod is watched until its test ends. */
export function lonePods(options: ClusterOptions = {}) {
  const on = stage(options);
  const pods: LonePod[] = [];
  let client: KubeClient | undefined;

  afterEach(async () => {
    await Promise.all(pods.splice(0).map(({ observer }) => observer.stop()));
  });
  afterAll(() => client?.close());

  return {
    get cluster(): Cluster {
      return on.cluster;
    },
    /** Creates the Pod in a new namespace. */
    async create(options: LonePodOptions): Promise<LonePod> {
      client ??= createKubeClient({ kubeconfig: on.cluster.kubeconfigPath, userAgent: 'scenario' });
      const pod = await LonePod.create(on.cluster, client, options);
      pods.push(pod);
      return pod;
    },
  };
}
