// The adapter in process against a real control plane: kube-controller-manager writes the EndpointSlices, KWOK plays the
// kubelet, the test plays the coordinator by turning the gate.

import {
  CONTROL_LABEL,
  EMPLOYER_ADAPTER_ANNOTATION,
  EMPLOYER_CLEAN_FINALIZER,
  ENDPOINT_SLICES,
  PODS,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  SERVICES,
  stageLabel,
  TRAFFIC_OFF_HOLD_ANNOTATION,
} from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { type KuperatorEvent, operatorBus } from '@kuperator/events';
import { expectedFinalizersOf } from '@kuperator/lifecycle';
import { readyPodsOf } from '@kuperator/resourceconsist';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { startOperator } from '@kuperator/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { declaration } from './config.ts';
import { serviceController } from './service/controller.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const expected = { 'Service/default/nginx': finalizer };

let cluster: Cluster;
let client: KubeClient;
let stop: () => Promise<void>;
const published: KuperatorEvent[] = [];
const warnings: string[] = [];

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none' });
  const KUBECONFIG = cluster.kubeconfigPath;
  client = createKubeClient({ kubeconfig: KUBECONFIG, userAgent: 'test' });
  const app = 'endpointslice-adapter';
  const recorder = { normal: () => {}, warn: (_object: unknown, reason: string) => warnings.push(reason) };
  const publish = (event: KuperatorEvent) => {
    published.push(event);
  };
  stop = await startOperator({
    app,
    declaration,
    settings: { KUBECONFIG, TRAFFIC_OFF_HOLD_MS: '100', TRAFFIC_ON_HOLD_MS: '100' },
    build: (context) => {
      const { subscribe } = operatorBus(app, context);
      return [serviceController({ ...context, recorder }, { publish, subscribe })];
    },
  });
});

afterAll(async () => {
  await stop?.();
  await client?.close();
  await cluster?.down();
});

const ref = (name: string) => ({ namespace: 'default', name });

async function createService(name: string, spec: object = {}, annotations: Record<string, string> = {}): Promise<void> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', labels: { [CONTROL_LABEL]: 'true' }, annotations },
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
  await client.create(SERVICES, service);
}

/** A controlled Pod with its gate open, as the coordinator leaves it at first sight. */
async function createPod(name: string, app: string): Promise<void> {
  await client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { [CONTROL_LABEL]: 'true', app } },
    spec: {
      containers: [{ name: 'app', image: 'nginx:1' }],
      readinessGates: [{ conditionType: SERVICE_READY_GATE }],
      tolerations: [{ operator: 'Exists' }],
    },
  });
  await setGate(name, 'True');
}

async function setGate(name: string, status: 'True' | 'False', labels: Record<string, string> = {}): Promise<void> {
  const body = { metadata: { labels }, status: { conditions: [{ type: SERVICE_READY_GATE, status }] } };
  await client.patch(PODS, ref(name), { type: 'strategic', body, subresource: 'status' });
}

async function isListedReady(pod: Pod, service: string): Promise<boolean> {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const { items } = await client.list(ENDPOINT_SLICES, { namespace: 'default', labelSelector });
  return items.flatMap(readyPodsOf).includes(pod.metadata.uid ?? '');
}

const eventually = (assertion: () => Promise<void>) => vi.waitFor(assertion, { timeout: 20_000, interval: 50 });
const podOf = (name: string) => client.get(PODS, ref(name));
const finalizersOf = async (name: string) => (await podOf(name)).metadata.finalizers ?? [];

test('a Pod is marked once the EndpointSlices list it, drained when they drop it, and marked again when it returns', async () => {
  await createService('nginx');
  await createPod('a', 'nginx');
  await eventually(async () => expect(await finalizersOf('a')).toEqual([finalizer]));
  const serving = await podOf('a');
  expect(expectedFinalizersOf(serving)).toEqual(expected);
  expect(serving.metadata.labels).toHaveProperty([SERVICE_AVAILABLE_LABEL]);
  expect(await isListedReady(serving, 'nginx')).toBe(true);

  await setGate('a', 'False', preparing);
  await eventually(async () => expect(await finalizersOf('a')).toEqual([]));
  const drained = await podOf('a');
  expect(drained.metadata.labels).toHaveProperty([stageLabel('operate', 'collaset')]);
  expect(await isListedReady(drained, 'nginx')).toBe(false);

  await setGate('a', 'True');
  await eventually(async () => expect(await finalizersOf('a')).toEqual([finalizer]));
  const events = published.filter(({ name }) => name === 'a').map(({ event, data }) => [event, data]);
  expect(events).toEqual([
    ['traffic.on', expect.objectContaining({ uid: drained.metadata.uid, employer: 'Service/default/nginx' })],
    ['traffic.off', expect.objectContaining({ operation: { id: 'collaset', type: 'update' }, finalizer })],
    ['traffic.on', expect.objectContaining({ employer: 'Service/default/nginx' })],
  ]);
});

const preparing = {
  [stageLabel('operating', 'collaset')]: '1',
  [stageLabel('operation-type', 'collaset')]: 'update',
  [stageLabel('pre-checked', 'collaset')]: '1',
  [stageLabel('preparing', 'collaset')]: '1',
  'operation-permission.podopslifecycle.kusionstack.io/update': '1',
};

test('the Service with the longest hold releases the Pod last, and that grants operate', async () => {
  await createService('quick', { selector: { app: 'held' } }, { [TRAFFIC_OFF_HOLD_ANNOTATION]: '0s' });
  await createService('held', {}, { [TRAFFIC_OFF_HOLD_ANNOTATION]: '2s' });
  await createPod('h', 'held');
  await eventually(async () => expect(await finalizersOf('h')).toHaveLength(2));
  await setGate('h', 'False', preparing);
  await eventually(async () => expect(await finalizersOf('h')).toHaveLength(1));
  const waiting = await podOf('h');
  expect(await isListedReady(waiting, 'held')).toBe(false);
  expect(waiting.metadata.labels).not.toHaveProperty([stageLabel('operate', 'collaset')]);
  await eventually(async () => expect(await finalizersOf('h')).toEqual([]));
  expect((await podOf('h')).metadata.labels).toHaveProperty([stageLabel('operate', 'collaset')]);
  const off = published.filter(({ name, event }) => name === 'h' && event === 'traffic.off');
  expect(off.map(({ data }) => data)).toMatchObject([
    { employer: 'Service/default/quick' },
    { employer: 'Service/default/held' },
  ]);
});

test('an invalid hold is reported on the Service', async () => {
  await createService('typo', {}, { [TRAFFIC_OFF_HOLD_ANNOTATION]: '6 s' });
  await eventually(async () => expect(warnings).toContain('InvalidTrafficHold'));
});

test('a deleted Pod is held until the EndpointSlices have dropped it, and is then removed', async () => {
  await createService('del');
  await createPod('d', 'del');
  await eventually(async () => expect(await finalizersOf('d')).toHaveLength(1));
  await client.delete(PODS, ref('d'), { gracePeriodSeconds: 1 });
  await eventually(async () => {
    const { items } = await client.list(PODS, { namespace: 'default', labelSelector: 'app=del' });
    expect(items).toEqual([]);
  });
});

test('a Pod that its Service no longer selects loses key and finalizer (T87)', async () => {
  await createService('away');
  await createPod('w', 'away');
  await eventually(async () => expect(await finalizersOf('w')).toHaveLength(1));
  await client.patch(PODS, ref('w'), { type: 'merge', body: { metadata: { labels: { app: 'elsewhere' } } } });
  await eventually(async () => expect(await finalizersOf('w')).toEqual([]));
  const pod = await podOf('w');
  expect(expectedFinalizersOf(pod)).toEqual({});
  expect(await isListedReady(pod, 'away')).toBe(false);
});

test('a deleted Service releases its Pods, and so does one that opts out', async () => {
  await createService('gone');
  await createService('out');
  await createPod('g', 'gone');
  await createPod('o', 'out');
  await eventually(async () => expect([...(await finalizersOf('g')), ...(await finalizersOf('o'))]).toHaveLength(2));
  await client.delete(SERVICES, ref('gone'));
  await client.patch(SERVICES, ref('out'), {
    type: 'merge',
    body: { metadata: { labels: { [CONTROL_LABEL]: null } } },
  });
  await eventually(async () => {
    for (const name of ['g', 'o']) {
      expect(await finalizersOf(name)).toEqual([]);
      expect(expectedFinalizersOf(await podOf(name))).toEqual({});
    }
  });
});

test('a Pod that opts out loses its marks and can be deleted', async () => {
  await createService('stray');
  await createPod('s', 'stray');
  await eventually(async () => expect(await finalizersOf('s')).toHaveLength(1));
  await client.patch(PODS, ref('s'), { type: 'merge', body: { metadata: { labels: { [CONTROL_LABEL]: null } } } });
  await eventually(async () => expect(await finalizersOf('s')).toEqual([]));
});

test('a Service that publishes not-ready addresses takes no part, and an Event gives the reason', async () => {
  await createService('always', { publishNotReadyAddresses: true });
  await createPod('p', 'always');
  await eventually(async () => expect(await isListedReady(await podOf('p'), 'always')).toBe(true));
  await eventually(async () => expect(warnings).toContain('TrafficNotGated'));
  expect(await finalizersOf('p')).toEqual([]);
  expect(expectedFinalizersOf(await podOf('p'))).toEqual({});
});

test('a Service that an adapter of the Go framework takes is left to it, with its Pods unchanged (T112)', async () => {
  const markService = (finalizers: string[]) =>
    client.patch(SERVICES, ref('shared'), { type: 'merge', body: { metadata: { finalizers } } });
  const nameOn = async () =>
    (await client.get(SERVICES, ref('shared'))).metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION];
  for (const [service, pod] of [
    ['shared', 'sh'],
    ['single', 'si'],
  ] as const) {
    await createService(service);
    await createPod(pod, service);
    await eventually(async () => expect(await finalizersOf(pod)).toHaveLength(1));
  }
  await markService([EMPLOYER_CLEAN_FINALIZER]);
  await eventually(async () => expect(await nameOn()).toBeUndefined());
  expect(warnings).toContain('GuardedByAnother');

  await setGate('sh', 'False');
  await eventually(async () => expect(await isListedReady(await podOf('sh'), 'shared')).toBe(false));
  await setGate('si', 'False');
  await eventually(async () => expect(await finalizersOf('si')).toEqual([]));
  expect(await finalizersOf('sh')).toHaveLength(1);
  expect(Object.keys(expectedFinalizersOf(await podOf('sh')) ?? {})).toEqual(['Service/default/shared']);

  await markService([]);
  await eventually(async () => expect(await finalizersOf('sh')).toEqual([]));
  expect(await nameOn()).toBe('endpointslice-adapter');
});
