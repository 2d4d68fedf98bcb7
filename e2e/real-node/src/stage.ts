import { attachCluster, type Cluster } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll } from 'vitest';
import { Application, type ApplicationOptions } from './application.ts';
import { clusterName } from './environment.ts';

export type Stage = {
  readonly cluster: Cluster;
  /** Deploys an application in its own namespace. The caller disposes of it. */
  deploy(options: ApplicationOptions): Promise<Application>;
};

/** Connects the tests of a file to the cluster of the run. */
export function stage(): Stage {
  let cluster: Cluster | undefined;
  let client: KubeClient | undefined;
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the cluster has not started');
    return part;
  };
  beforeAll(async () => {
    cluster = await attachCluster(clusterName);
    client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'real-node' });
  });
  afterAll(async () => {
    await client?.close();
  });
  return {
    get cluster() {
      return started(cluster);
    },
    async deploy(options) {
      const application = new Application(started(cluster), started(client), options);
      await application.deploy();
      return application;
    },
  };
}
