// Requests go without pause through a balancer that follows a local SLB server, while Pods are updated, scaled, deleted and evicted. A stand-in for
// Alibaba Cloud's controller moves the backends of Services of type LoadBalancer; the adapter moves those of managed Services.
import { type Ccm, startCcm, startSlbServer, vendorClient } from '@kuperator/aliyun-slb-server';
import { SERVICES } from '@kuperator/api';
import { createKubeClient, createLogger, createMetrics, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Application } from './application.ts';
import { BalancedTraffic } from './balanced-traffic.ts';
import { type ApplicationOptions, HOLDS, NAME } from './manifests.ts';
import { OPERATORS } from './operators.ts';
import { stage } from './stage.ts';

const ADAPTER = 'aliyun-slb-adapter';
const LABEL = 'service.k8s.alibaba/loadbalancer-id';

// Backends take time: to be checked, to be configured, and until reads show a change.
const server = await startSlbServer({
  settings: { healthDelayMs: 500, configuringMs: 100, jobMs: 300, staleReadMs: 50, clbBatchLimit: 40 },
});
const { control } = server;
const cloud = {
  ALIYUN_REGION: 'cn-hangzhou',
  ALIYUN_MANAGED_LOAD_BALANCERS: '*/*',
  ALIYUN_SLB_ENDPOINT: server.url,
  ALIYUN_NLB_ENDPOINT: server.url,
  ALIYUN_ECS_ENDPOINT: server.url,
  ALIYUN_SLB_AK_KEY: server.account.accessKeyId,
  ALIYUN_SLB_AK_SECRET: server.account.accessKeySecret,
};
const on = stage({
  operators: [...OPERATORS, ADAPTER],
  operatorEnv: (app) => ({ ...HOLDS, ...(app === ADAPTER ? cloud : {}) }),
});
let client: KubeClient;
let ccm: Ccm;

beforeAll(async () => {
  const logger = createLogger({ app: 'ccm', level: 'silent' });
  client = createKubeClient({ kubeconfig: on.cluster.kubeconfigPath, userAgent: 'ccm' });
  const metrics = createMetrics('ccm', { processMetrics: false });
  ccm = await startCcm({ client, call: vendorClient(server), logger, metrics, reactionMs: 300 });
});

afterAll(async () => {
  await ccm?.stop();
  await client?.close();
  await server.stop();
});

const LOAD_BALANCER = { spec: { type: 'LoadBalancer' } };
const NLB = { spec: { type: 'LoadBalancer', loadBalancerClass: 'alibabacloud.com/nlb' } };

/** An instance with a group and a listener for a Service whose backends the adapter manages. */
function managed(product: 'Slb' | 'Nlb', drainTime = '1s') {
  const loadBalancerId = control.createLoadBalancer({ product });
  const name = `by hand for ${loadBalancerId}`;
  const groupId =
    product === 'Slb' ? control.createVServerGroup({ loadBalancerId, name }) : control.createServerGroup({ name });
  control.createListener({ loadBalancerId, port: 80, groupId });
  const prefix = 'slb.resource-consist.kusionstack.io';
  return {
    annotations: {
      [`${prefix}/mode`]: 'managed',
      [`${prefix}/load-balancer-id`]: loadBalancerId,
      [`${prefix}/product`]: product === 'Slb' ? 'clb' : 'nlb',
      [`${prefix}/server-groups`]: `http:${groupId}`,
      [`${prefix}/drain-time`]: drainTime,
    },
  };
}

async function loadBalancerOf(namespace: string): Promise<string> {
  const { metadata } = await client.get(SERVICES, { namespace, name: NAME });
  const annotated = metadata.annotations?.['slb.resource-consist.kusionstack.io/load-balancer-id'];
  return metadata.labels?.[LABEL] ?? annotated ?? '';
}

/** Deploys an application and sends it requests while `operate` runs. */
async function underLoad(options: ApplicationOptions, operate: (app: Application) => Promise<void>) {
  const app = await on.deploy(options);
  await using traffic = new BalancedTraffic(app.observer.pods);
  await expect.poll(() => loadBalancerOf(options.namespace), { timeout: 20_000 }).not.toBe('');
  await expect.poll(() => backendsOf(app), { timeout: 20_000 }).toBe(options.replicas);
  await traffic.start(control, await loadBalancerOf(options.namespace));
  await operate(app);
  return traffic.tally();
}

/** Servers with weight at the addresses of the application's Pods. */
function backendsOf(app: Application): number {
  const ips = new Set(app.pods().map((pod) => pod.status?.podIP));
  const all = [...control.readState().groups.values()].flatMap(({ backends }) => backends);
  return new Set(all.filter(({ weight, serverIp }) => weight > 0 && ips.has(serverIp)).map(({ serverIp }) => serverIp))
    .size;
}

const BASE = { replicas: 4, image: 'web:v1', maxUnavailable: 1 };

test.each([
  { namespace: 'clb-observed', service: LOAD_BALANCER },
  { namespace: 'nlb-observed', service: NLB },
  { namespace: 'clb-managed', service: managed('Slb') },
  { namespace: 'nlb-managed', service: managed('Nlb') },
])('$namespace: no request fails while Pods are updated in place, and scaled in and out', async ({
  namespace,
  service,
}) => {
  const tally = await underLoad({ namespace, ...BASE, maxUnavailable: 2, service }, async (app) => {
    await app.changeTemplate({ image: 'web:v2' });
    await app.serves({ replicas: 4, image: 'web:v2' });
    await app.change({ replicas: 2 });
    await app.serves({ replicas: 2 });
    await app.change({ replicas: 4 });
    await app.serves({ replicas: 4 });
  });
  expect(tally.errors).toEqual([]);
  expect(tally.failed).toBe(0);
  expect(tally.sent).toBeGreaterThan(1000);
});

test.each([
  { namespace: 'clb-observed-ends', service: LOAD_BALANCER },
  { namespace: 'clb-managed-ends', service: managed('Slb') },
])('$namespace: no request fails while Pods are recreated, deleted and evicted', async ({ namespace, service }) => {
  const tally = await underLoad({ namespace, ...BASE, maxUnavailable: 2, service }, async (app) => {
    await app.changeTemplate({ setting: 'b' });
    await app.serves({ replicas: 4 });
    const [one] = app.pods();
    await on.cluster.kubectl(['delete', 'pod', one?.metadata.name ?? '', `--namespace=${namespace}`]);
    await app.serves({ replicas: 4 });
    const node = app.pods()[0]?.spec.nodeName ?? '';
    await on.cluster.kubectl(['drain', node, `--pod-selector=app=${NAME}`, '--timeout=60s']);
    await app.serves({ replicas: 4 });
    await on.cluster.kubectl(['uncordon', node]);
  });
  expect(tally.errors).toEqual([]);
  expect(tally.sent).toBeGreaterThan(1000);
});

test('without the adapter, requests fail: the control label is missing', async () => {
  const service = { ...LOAD_BALANCER, isControlled: false };
  const tally = await underLoad({ namespace: 'unguarded', ...BASE, service }, async (app) => {
    await app.changeTemplate({ image: 'web:v2' });
    await app.serves({ replicas: 4, image: 'web:v2' });
  });
  expect(tally.failed).toBeGreaterThan(0);
});
