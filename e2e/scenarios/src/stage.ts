import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, type ClusterOptions, startCluster } from '@kuperator/cluster';
import { AuditLog } from '@kuperator/observer';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Application } from './application.ts';
import { type ApplicationOptions, HOLDS, KUBELET } from './manifests.ts';
import { complaintsOf } from './operators.ts';
import { OwnedPods, type OwnedPodsOptions } from './owned-pods.ts';

type Stage = {
  readonly cluster: Cluster;
  /** Deploys an application in a new namespace. An observer watches it until the test ends. */
  deploy(options: ApplicationOptions): Promise<Application>;
  /** Does the same for Pods of another owner. */
  deployOwned(options: OwnedPodsOptions): Promise<OwnedPods>;
};

/**
 * Starts one cluster with all operators for the tests of a file, on nodes that take the steps of a real kubelet. A test fails if an
 * operator lacked a right during the test or crashed by itself. `KUPERATOR_E2E_LOGS=<folder>` keeps the logs of a cluster in which a test failed.
 */
export function stage(options: ClusterOptions = {}): Stage {
  let cluster: Cluster | undefined;
  let client: KubeClient | undefined;
  let audit: AuditLog | undefined;
  const applications: { stop(): Promise<void> }[] = [];
  /** Complaints that a test has already reported, so that later tests do not fail for them. */
  const told = new Set<string>();
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the cluster has not started');
    return part;
  };

  beforeAll(async () => {
    const { operatorEnv = {}, ...rest } = options;
    const env = typeof operatorEnv === 'function' ? operatorEnv : { ...HOLDS, ...operatorEnv };
    const realistic = { kubelet: KUBELET, operatorEnv: env };
    cluster = await startCluster({ operators: 'all', audit: true, ...realistic, ...rest });
    client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'scenario' });
    audit = new AuditLog(join(cluster.dir, 'audit.log'));
  });

  afterEach(async ({ task }) => {
    await Promise.all(applications.splice(0).map((application) => application.stop()));
    const { KUPERATOR_E2E_LOGS: logs } = process.env;
    if (logs && task.result?.state === 'fail') {
      await cp(started(cluster).dir, join(logs, started(cluster).name), {
        recursive: true,
        filter: (path) => path === started(cluster).dir || path.endsWith('.log'),
      });
    }
    const complaints = await complaintsOf(started(cluster), started(audit));
    const heard = complaints.filter((complaint) => !told.has(complaint));
    for (const complaint of heard) told.add(complaint);
    expect(heard).toEqual([]);
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.down();
  });

  return {
    get cluster() {
      return started(cluster);
    },
    async deploy(options) {
      await started(cluster).kubectl(['create', 'namespace', options.namespace]);
      const application = new Application(started(client), options);
      applications.push(application);
      await application.deploy();
      return application;
    },
    async deployOwned(options) {
      const pods = new OwnedPods(started(cluster), started(client), options);
      applications.push(pods);
      await pods.deploy();
      return pods;
    },
  };
}
