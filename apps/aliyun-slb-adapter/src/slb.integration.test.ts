// The adapter in process against a real control plane and a local SLB server. The test plays the cloud controller and the coordinator;
// KWOK plays the kubelet.
import { defaultGroupId, type SlbServer, startSlbServer } from '@kuperator/aliyun-slb-server';
import {
  CONTROL_LABEL,
  EMPLOYER_ADAPTER_ANNOTATION,
  EMPLOYER_CLEAN_FINALIZER,
  PODS,
  type Pod,
  SERVICE_READY_GATE,
  SERVICES,
  type Service,
  TRAFFIC_KNOWN_CONDITION,
  TRAFFIC_OFF_HOLD_ANNOTATION,
} from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { operatorBus } from '@kuperator/events';
import { lifecycleFinalizerFor } from '@kuperator/resourceconsist';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { startOperator } from '@kuperator/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { declaration } from './config.ts';
import { connectCloud } from './connect.ts';
import { serviceController } from './service/controller.ts';
import { SERVERS_IN } from './service/places.ts';
import { CLOUD_ID_LABEL, DRAIN_TIME, LOAD_BALANCER_ID, MODE, REMOVE_LAST, SERVER_GROUPS } from './service/settings.ts';

const NAMESPACE = 'default';
let cluster: Cluster;
let client: KubeClient;
let server: SlbServer;
let stop: () => Promise<void>;
const warnings: string[] = [];

async function startAdapter(): Promise<() => Promise<void>> {
  const app = 'aliyun-slb-adapter';
  const warn = (object: { metadata: { name?: string } }, reason: string, message: string) => {
    warnings.push(`${object.metadata.name} ${reason}: ${message}`);
  };
  return startOperator({
    app,
    declaration,
    settings: {
      KUBECONFIG: cluster.kubeconfigPath,
      ALIYUN_REGION: 'cn-hangzhou',
      ALIYUN_SLB_ENDPOINT: server.url,
      ALIYUN_NLB_ENDPOINT: server.url,
      ALIYUN_ECS_ENDPOINT: server.url,
      ALIYUN_SLB_AK_KEY: server.account.accessKeyId,
      ALIYUN_SLB_AK_SECRET: server.account.accessKeySecret,
      ALIYUN_MANAGED_LOAD_BALANCERS: `${NAMESPACE}/*`,
      ALIYUN_QUOTA_PERCENT: '100',
      ALIYUN_READ_INTERVAL_MS: '50',
      BATCH_MS: '10',
    },
    build: (context) => {
      const { subscribe } = operatorBus(app, context);
      const cloud = connectCloud(context.config, { ...context, replicas: () => 1 });
      const recorder = { normal: () => {}, warn };
      return [serviceController({ ...context, recorder }, { publish: () => {}, subscribe }, cloud)];
    },
  });
}

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none' });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
});

beforeEach(async () => {
  server = await startSlbServer();
  warnings.length = 0;
  stop = await startAdapter();
});

afterEach(async () => {
  try {
    for (const name of await services()) await client.delete(SERVICES, ref(name));
    await eventually(async () => expect(await services()).toEqual([]));
  } finally {
    await stop();
    await server.stop();
  }
});

afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

async function services(): Promise<readonly string[]> {
  const { items } = await client.list(SERVICES, { namespace: NAMESPACE, labelSelector: `${CONTROL_LABEL}=true` });
  return items.map(({ metadata }) => metadata.name ?? '');
}

const ref = (name: string) => ({ namespace: NAMESPACE, name });
const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 30_000, interval: 50 });
const podOf = (name: string) => client.get(PODS, ref(name));
const isMarked = async (pod: string, service: string) =>
  (await podOf(pod)).metadata.finalizers?.includes(lifecycleFinalizerFor(service)) ?? false;

async function createService(
  name: string,
  { labels = {}, annotations = {}, spec = {} }: { labels?: object; annotations?: object; spec?: object } = {},
): Promise<void> {
  await client.create(SERVICES, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: { [CONTROL_LABEL]: 'true', ...labels },
      annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: '0s', ...annotations },
    },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'web' }], ...spec },
  } as Service);
}

/** A ready Pod; returns its address. */
async function createPod(name: string, app: string): Promise<string> {
  await client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { [CONTROL_LABEL]: 'true', app } },
    spec: {
      containers: [{ name: 'app', image: 'nginx:1', ports: [{ name: 'web', containerPort: 8080 }] }],
      readinessGates: [{ conditionType: SERVICE_READY_GATE }],
      tolerations: [{ operator: 'Exists' }],
    },
  } as Pod);
  await setGate(name, 'True');
  return await eventually(async () => {
    const { podIP } = (await podOf(name)).status ?? {};
    expect(podIP).toBeTruthy();
    return podIP ?? '';
  }).then(async () => (await podOf(name)).status?.podIP ?? '');
}

async function setGate(name: string, status: 'True' | 'False'): Promise<void> {
  const body = { status: { conditions: [{ type: SERVICE_READY_GATE, status }] } };
  await client.patch(PODS, ref(name), { type: 'strategic', body, subresource: 'status' });
}

/** What the cloud controller makes for a Service of type LoadBalancer. */
async function balance(service: string): Promise<{ readonly group: string; readonly loadBalancer: string }> {
  const { control } = server;
  const loadBalancer = control.createLoadBalancer();
  const group = control.createVServerGroup({ loadBalancerId: loadBalancer, name: `k8s/80/${service}/${NAMESPACE}/c1` });
  control.createListener({ loadBalancerId: loadBalancer, port: 80, groupId: group });
  const metadata = { labels: { [CLOUD_ID_LABEL]: loadBalancer } };
  await client.patch(SERVICES, ref(service), { type: 'merge', body: { metadata } });
  return { group, loadBalancer };
}

const backend = (ip: string) => ({ serverId: `eni-${ip}`, serverIp: ip, port: 8080 });
const conditionOf = async (service: string) => {
  const { conditions = [] } = ((await client.get(SERVICES, ref(service))).status ?? {}) as {
    conditions?: { type: string; status: string; message: string }[];
  };
  return conditions.find(({ type }) => type === TRAFFIC_KNOWN_CONDITION);
};

test('observed: a Pod is marked once its server is healthy, and let go once no group sends it requests', async () => {
  await createService('web', { spec: { type: 'LoadBalancer' } });
  const { group } = await balance('web');
  const ip = await createPod('web-1', 'web');
  server.control.setHealth({ serverIp: ip, health: 'abnormal' });
  server.control.addBackends(group, [backend(ip)]);
  await eventually(() => expect(server.control.calls({ action: 'DescribeHealthStatus' }).length).toBeGreaterThan(2));
  expect(await isMarked('web-1', 'web')).toBe(false);
  server.control.clearHealth();
  await eventually(async () => expect(await isMarked('web-1', 'web')).toBe(true));

  // At rest the cloud is not called.
  const before = server.control.calls().length;
  await client.patch(PODS, ref('web-1'), { type: 'merge', body: { metadata: { labels: { note: 'x' } } } });
  await setGate('web-1', 'True');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.control.calls().length).toBe(before);

  await setGate('web-1', 'False');
  await eventually(() => expect(server.control.calls().length).toBeGreaterThan(before + 3));
  expect(await isMarked('web-1', 'web')).toBe(true);
  server.control.setWeight(group, backend(ip), 0);
  await eventually(async () => expect(await isMarked('web-1', 'web')).toBe(false));
  expect(server.control.calls().filter(({ action }) => !/^Describe/.test(action))).toEqual([]);
  await client.delete(PODS, ref('web-1'));
});

test('observed: while the cloud gives no answer that counts, no Pod is let go, and the Service says why', async () => {
  await createService('bad', { spec: { type: 'LoadBalancer' } });
  const { group, loadBalancer } = await balance('bad');
  const ip = await createPod('bad-1', 'bad');
  server.control.addBackends(group, [backend(ip)]);
  await eventually(async () => expect(await isMarked('bad-1', 'bad')).toBe(true));

  server.control.removeAccessKey(server.account.accessKeyId);
  await setGate('bad-1', 'False');
  server.control.removeBackends(group, [backend(ip)]);
  await eventually(() => expect(warnings.join()).toContain('InvalidAccessKeyId.NotFound'));
  await eventually(async () => expect((await conditionOf('bad'))?.message).toContain('InvalidAccessKeyId.NotFound'));
  expect((await conditionOf('bad'))?.status).toBe('False');
  expect(await isMarked('bad-1', 'bad')).toBe(true);

  server.control.addAccessKey(server.account);
  await eventually(async () => expect(await isMarked('bad-1', 'bad')).toBe(false));
  await eventually(async () => expect((await conditionOf('bad'))?.status).toBe('True'));

  await setGate('bad-1', 'True');
  server.control.addBackends(group, [backend(ip)]);
  await eventually(async () => expect(await isMarked('bad-1', 'bad')).toBe(true));
  server.control.deleteLoadBalancer(loadBalancer);
  await setGate('bad-1', 'False');
  await eventually(() => expect(warnings.join()).toContain('InvalidLoadBalancerId.NotFound'));
  expect(await isMarked('bad-1', 'bad')).toBe(true);
  // A Service that is deleted takes its load balancer along.
  await client.delete(SERVICES, ref('bad'));
  await eventually(async () => expect(await isMarked('bad-1', 'bad')).toBe(false));
  await client.delete(PODS, ref('bad-1'));
});

async function createManaged(name: string, annotations: Record<string, string> = {}) {
  const { control } = server;
  const loadBalancer = control.createLoadBalancer();
  const group = control.createVServerGroup({ loadBalancerId: loadBalancer, name: 'mine' });
  control.createListener({ loadBalancerId: loadBalancer, port: 80, groupId: group });
  await createService(name, {
    annotations: {
      [MODE]: 'managed',
      [LOAD_BALANCER_ID]: loadBalancer,
      [SERVER_GROUPS]: `http:${group}`,
      [DRAIN_TIME]: '1s',
      ...annotations,
    },
  });
  return { loadBalancer, group };
}

const serversIn = (group: string) =>
  server.control.readGroup(group).backends.map(({ serverIp, port, weight }) => `${serverIp}:${port} ${weight}`);

test('managed: a server is added without weight, weighted when healthy, drained, removed, and never the last one', async () => {
  const { group } = await createManaged('mgd');
  server.control.addBackends(group, [{ ...backend('10.9.9.9'), description: 'of somebody else', weight: 0 }]);
  server.control.set({ healthDelayMs: 300 });
  const [one, two] = [await createPod('mgd-1', 'mgd'), await createPod('mgd-2', 'mgd')];
  await eventually(async () => expect(await isMarked('mgd-1', 'mgd')).toBe(true));
  await eventually(async () => expect(await isMarked('mgd-2', 'mgd')).toBe(true));
  expect(serversIn(group).toSorted()).toEqual(['10.9.9.9:8080 0', `${one}:8080 100`, `${two}:8080 100`].toSorted());
  const service = await client.get(SERVICES, ref('mgd'));
  expect(service.metadata.finalizers).toContain(EMPLOYER_CLEAN_FINALIZER);

  await setGate('mgd-1', 'False');
  await eventually(() => expect(serversIn(group)).toContain(`${one}:8080 0`));
  expect(await isMarked('mgd-1', 'mgd')).toBe(true);
  await eventually(() => expect(serversIn(group)).toEqual(['10.9.9.9:8080 0', `${two}:8080 100`]));
  await eventually(async () => expect(await isMarked('mgd-1', 'mgd')).toBe(false));

  await setGate('mgd-2', 'False');
  await eventually(() => expect(warnings.join()).toContain('LastBackendKept'));
  expect(serversIn(group)).toContain(`${two}:8080 100`);
  expect(await isMarked('mgd-2', 'mgd')).toBe(true);
  await setGate('mgd-1', 'True');
  await eventually(async () => expect(await isMarked('mgd-1', 'mgd')).toBe(true));
  await eventually(async () => expect(await isMarked('mgd-2', 'mgd')).toBe(false));
  expect(serversIn(group)).toEqual(['10.9.9.9:8080 0', `${one}:8080 100`]);

  await client.delete(SERVICES, ref('mgd'));
  await eventually(() => expect(serversIn(group)).toEqual(['10.9.9.9:8080 0']));
  await eventually(async () => expect(await isMarked('mgd-1', 'mgd')).toBe(false));
  for (const name of ['mgd-1', 'mgd-2']) await client.delete(PODS, ref(name));
});

test('managed: the default group of a load balancer gets the Pods, too', async () => {
  const loadBalancer = server.control.createLoadBalancer();
  const group = defaultGroupId(loadBalancer);
  server.control.createListener({ loadBalancerId: loadBalancer, port: 80, groupId: group });
  const annotations = {
    [MODE]: 'managed',
    [LOAD_BALANCER_ID]: loadBalancer,
    [SERVER_GROUPS]: 'http:default',
    [DRAIN_TIME]: '0s',
    [REMOVE_LAST]: 'true',
  };
  await createService('dflt', { annotations });
  const ip = await createPod('dflt-1', 'dflt');
  await eventually(async () => expect(await isMarked('dflt-1', 'dflt')).toBe(true));
  expect(serversIn(group)).toEqual([`${ip}:0 100`]);
  await setGate('dflt-1', 'False');
  await eventually(async () => expect(await isMarked('dflt-1', 'dflt')).toBe(false));
  expect(serversIn(group)).toEqual([]);
  await client.delete(PODS, ref('dflt-1'));
});

test('managed: answers that are lost, refused or busy change nothing in the end', async () => {
  const { group } = await createManaged('lost', { [REMOVE_LAST]: 'true', [DRAIN_TIME]: '0s' });
  server.control.set({ configuringMs: 200 });
  for (const action of [
    'AddVServerGroupBackendServers',
    'SetVServerGroupAttribute',
    'RemoveVServerGroupBackendServers',
  ]) {
    server.control.injectFault({ action, when: 'after' });
    server.control.injectFault({ action, when: 'before', skip: 1 });
  }
  const ip = await createPod('lost-1', 'lost');
  await eventually(async () => expect(await isMarked('lost-1', 'lost')).toBe(true));
  expect(serversIn(group)).toEqual([`${ip}:8080 100`]);
  await setGate('lost-1', 'False');
  await eventually(async () => expect(await isMarked('lost-1', 'lost')).toBe(false));
  expect(serversIn(group)).toEqual([]);
  await client.delete(PODS, ref('lost-1'));
});

test('managed: servers are found and removed after a restart in another mode', async () => {
  const { group, loadBalancer } = await createManaged('moved', { [DRAIN_TIME]: '0s' });
  const ip = await createPod('moved-1', 'moved');
  await eventually(async () => expect(await isMarked('moved-1', 'moved')).toBe(true));
  const recorded = await client.get(SERVICES, ref('moved'));
  expect(recorded.metadata.annotations).toMatchObject({ [SERVERS_IN]: `clb/${loadBalancer}/${group}` });
  await stop();
  const annotations = { [MODE]: null, [SERVER_GROUPS]: null };
  await client.patch(SERVICES, ref('moved'), { type: 'merge', body: { metadata: { annotations } } });
  expect(serversIn(group)).toEqual([`${ip}:8080 100`]);
  stop = await startAdapter();
  await eventually(() => expect(serversIn(group)).toEqual([]));
  await eventually(async () => {
    const { metadata } = await client.get(SERVICES, ref('moved'));
    expect(metadata.finalizers ?? []).not.toContain(EMPLOYER_CLEAN_FINALIZER);
    expect(metadata.annotations).not.toHaveProperty(SERVERS_IN);
  });
  await client.delete(PODS, ref('moved-1'));
});

test('managed: an annotation that cannot be used changes nothing, and the Event names it', async () => {
  const { group } = await createManaged('typo', { [REMOVE_LAST]: 'true' });
  const ip = await createPod('typo-1', 'typo');
  await eventually(async () => expect(await isMarked('typo-1', 'typo')).toBe(true));
  const annotations = { [DRAIN_TIME]: 'soon' };
  await client.patch(SERVICES, ref('typo'), { type: 'merge', body: { metadata: { annotations } } });
  await eventually(() =>
    expect(warnings.join()).toContain(`annotation ${DRAIN_TIME} is "soon": allowed is a duration`),
  );
  await setGate('typo-1', 'False');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(serversIn(group)).toEqual([`${ip}:8080 100`]);
  expect(await isMarked('typo-1', 'typo')).toBe(true);
  await client.patch(SERVICES, ref('typo'), {
    type: 'merge',
    body: { metadata: { annotations: { [DRAIN_TIME]: '0s' } } },
  });
  await eventually(async () => expect(await isMarked('typo-1', 'typo')).toBe(false));
  await client.delete(PODS, ref('typo-1'));
});

test('a Service that is no longer balanced is let go, so that another adapter can guard it', async () => {
  await createService('plain', { spec: { type: 'LoadBalancer' } });
  const { group } = await balance('plain');
  const ip = await createPod('plain-1', 'plain');
  server.control.addBackends(group, [backend(ip)]);
  await eventually(async () => expect(await isMarked('plain-1', 'plain')).toBe(true));
  const body = { metadata: { labels: { [CLOUD_ID_LABEL]: null } }, spec: { type: 'ClusterIP' } };
  await client.patch(SERVICES, ref('plain'), { type: 'merge', body });
  await eventually(async () => expect(await isMarked('plain-1', 'plain')).toBe(false));
  await eventually(async () => {
    const { annotations = {} } = (await client.get(SERVICES, ref('plain'))).metadata;
    expect(annotations).not.toHaveProperty([EMPLOYER_ADAPTER_ANNOTATION]);
  });
  expect(warnings.join()).toContain('NotBalanced');
  await client.delete(PODS, ref('plain-1'));
});

test('managed is refused for a Service whose backends the cloud controller moves, and its traffic is observed', async () => {
  await createService('fight', { annotations: { [MODE]: 'managed' }, spec: { type: 'LoadBalancer' } });
  const { group } = await balance('fight');
  const ip = await createPod('fight-1', 'fight');
  server.control.addBackends(group, [backend(ip)]);
  await eventually(async () => expect(await isMarked('fight-1', 'fight')).toBe(true));
  expect(warnings.join()).toContain('ManagedByCloudController');
  expect((await client.get(SERVICES, ref('fight'))).metadata.finalizers ?? []).not.toContain(EMPLOYER_CLEAN_FINALIZER);
  await client.delete(PODS, ref('fight-1'));
});
