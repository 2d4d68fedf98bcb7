import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Cluster } from './options.ts';
import { startCluster } from './start.ts';

type Condition = { type: string; status: string; reason?: string };
type ContainerStatus = {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  ready: boolean;
  restartCount: number;
  state: { running?: object; waiting?: { reason: string }; terminated?: object };
  resources?: { requests?: Record<string, string> };
};
type Pod = {
  metadata: { name: string };
  status: {
    phase: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
};

const gate = 'example.com/in-service';
const deadline = { timeout: 10_000, interval: 50 };
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none', definitions: false, nats: false });
});
afterAll(async () => {
  await cluster.down();
});

const create = (name: string, spec: object, annotations: Record<string, string> = {}) =>
  cluster.kubectl(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations }, spec }),
  );
const podNamed = async (name: string) => JSON.parse(await cluster.kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;
const conditionOf = (pod: Pod, type: string) => pod.status.conditions?.find((condition) => condition.type === type);
const statusOf = (pod: Pod, container: string) =>
  [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])].find(
    ({ name }) => name === container,
  );
const patchStatus = (name: string, status: object) =>
  cluster.kubectl(['patch', 'pod', name, '--subresource=status', `--patch=${JSON.stringify({ status })}`]);
const setGate = (name: string, status: string) => patchStatus(name, { conditions: [{ type: gate, status }] });
const setImage = (name: string, container: string, image: string) =>
  cluster.kubectl(['set', 'image', `pod/${name}`, `${container}=${image}`]);

async function eventually(name: string, check: (pod: Pod) => void): Promise<Pod> {
  return vi.waitFor(async () => {
    const pod = await podNamed(name);
    check(pod);
    return pod;
  }, deadline);
}

const isReady = (pod: Pod) => expect(conditionOf(pod, 'Ready')?.status).toBe('True');

test('serves the v1 admission policies that the charts use', async () => {
  const resources = await cluster.kubectl(['api-resources', '--api-group=admissionregistration.k8s.io', '-o', 'name']);
  expect(resources).toContain('mutatingadmissionpolicies.');
  expect(resources).toContain('validatingadmissionpolicies.');
});

test('a Pod is Ready only while all its readiness gates are True', async () => {
  await create('gated', { readinessGates: [{ conditionType: gate }], containers: [{ name: 'app', image: 'app:1' }] });
  await eventually('gated', (pod) => {
    expect(conditionOf(pod, 'ContainersReady')?.status).toBe('True');
    expect(conditionOf(pod, 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
  });
  await setGate('gated', 'True');
  await eventually('gated', isReady);
  await setGate('gated', 'False');
  await eventually('gated', (pod) => expect(conditionOf(pod, 'Ready')?.status).toBe('False'));
});

test('a Pod is Ready only while its containers are ready', async () => {
  await create('probed', { containers: [{ name: 'app', image: 'app:1' }] });
  const { status } = await eventually('probed', isReady);
  const withReady = (ready: boolean) => status.containerStatuses?.map((container) => ({ ...container, ready }));
  await patchStatus('probed', { containerStatuses: withReady(false) });
  await eventually('probed', (pod) => expect(conditionOf(pod, 'Ready')?.reason).toBe('ContainersNotReady'));
  await patchStatus('probed', { containerStatuses: withReady(true) });
  await eventually('probed', isReady);
});

test('a changed image restarts only its container', async () => {
  const containers = ['a', 'b'].map((name) => ({ name, image: `${name}:1` }));
  await create('updated', { containers });
  const before = await eventually('updated', isReady);
  await setImage('updated', 'a', 'a:2');
  const after = await eventually('updated', (pod) =>
    expect(statusOf(pod, 'a')).toMatchObject({ image: 'a:2', restartCount: 1 }),
  );
  expect(statusOf(after, 'a')?.imageID).not.toBe(statusOf(before, 'a')?.imageID);
  expect(statusOf(after, 'a')?.containerID).not.toBe(statusOf(before, 'a')?.containerID);
  expect(statusOf(after, 'b')).toEqual(statusOf(before, 'b'));
  isReady(after);
});

test('init containers complete, sidecars run and restart on a changed image', async () => {
  const initContainers = [
    { name: 'prepare', image: 'prepare:1' },
    { name: 'sidecar', image: 'sidecar:1', restartPolicy: 'Always' },
  ];
  await create('sidecars', { initContainers, containers: [{ name: 'app', image: 'app:1' }] });
  const before = await eventually('sidecars', isReady);
  expect(statusOf(before, 'prepare')?.state.terminated).toBeDefined();
  expect(statusOf(before, 'sidecar')?.state.running).toBeDefined();
  await setImage('sidecars', 'sidecar', 'sidecar:2');
  const after = await eventually('sidecars', (pod) =>
    expect(statusOf(pod, 'sidecar')).toMatchObject({ image: 'sidecar:2', restartCount: 1 }),
  );
  expect(statusOf(after, 'app')).toEqual(statusOf(before, 'app'));
});

test('a changed image takes effect after the delay in the Pod’s annotation', async () => {
  const annotations = { 'kwok.kuperator.io/image-change-delay': '1500ms' };
  await create('slow', { containers: [{ name: 'app', image: 'app:1' }] }, annotations);
  await eventually('slow', isReady);
  await setImage('slow', 'app', 'app:2');
  const changed = performance.now();
  await eventually('slow', (pod) => expect(statusOf(pod, 'app')?.image).toBe('app:2'));
  expect(performance.now() - changed).toBeGreaterThan(1_000);
});

test('a new Pod whose image cannot be pulled stays Pending until the image is corrected', async () => {
  await create('broken', { containers: [{ name: 'app', image: 'app:non-exist' }] });
  await eventually('broken', (pod) => {
    expect(pod.status.phase).toBe('Pending');
    expect(statusOf(pod, 'app')?.state.waiting?.reason).toBe('ErrImagePull');
  });
  await setImage('broken', 'app', 'app:1');
  await eventually('broken', (pod) => {
    isReady(pod);
    expect(pod.status.phase).toBe('Running');
    expect(statusOf(pod, 'app')?.restartCount).toBe(0);
  });
});

test('a running Pod that gets an image that cannot be pulled stays Running and is not Ready', async () => {
  await create('regressed', { containers: [{ name: 'app', image: 'app:1' }] });
  await eventually('regressed', isReady);
  await setImage('regressed', 'app', 'app:non-exist');
  await eventually('regressed', (pod) => {
    expect(pod.status.phase).toBe('Running');
    expect(conditionOf(pod, 'Ready')?.status).toBe('False');
    expect(statusOf(pod, 'app')).toMatchObject({ restartCount: 0, state: { waiting: { reason: 'ErrImagePull' } } });
  });
});

test('a resize is reflected without a restart', async () => {
  await create('resized', { containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu: '100m' } } }] });
  await eventually('resized', isReady);
  const patch = { spec: { containers: [{ name: 'app', resources: { requests: { cpu: '250m' } } }] } };
  await cluster.kubectl(['patch', 'pod', 'resized', '--subresource=resize', `--patch=${JSON.stringify(patch)}`]);
  const after = await eventually('resized', (pod) =>
    expect(statusOf(pod, 'app')?.resources?.requests?.cpu).toBe('250m'),
  );
  expect(statusOf(after, 'app')?.restartCount).toBe(0);
});

test('a deleted Pod is removed at once, or after its grace period if its annotation says so', async () => {
  const spec = { terminationGracePeriodSeconds: 3, containers: [{ name: 'app', image: 'app:1' }] };
  await create('fast', spec);
  await create('graceful', spec, { 'kwok.kuperator.io/termination-delay': 'grace-period' });
  await Promise.all(['fast', 'graceful'].map((name) => eventually(name, isReady)));
  const took = async (name: string) => {
    const started = performance.now();
    await cluster.kubectl(['delete', 'pod', name]);
    return performance.now() - started;
  };
  const [fast, graceful] = await Promise.all([took('fast'), took('graceful')]);
  expect(fast).toBeLessThan(1_500);
  expect(graceful).toBeGreaterThan(1_900);
});

test('a deleted Pod that a finalizer keeps has ended and is not Ready', async () => {
  await create('held', { containers: [{ name: 'app', image: 'app:1' }] });
  await eventually('held', isReady);
  const finalizers = (names: string[]) =>
    cluster.kubectl([
      'patch',
      'pod',
      'held',
      '--type=merge',
      `--patch=${JSON.stringify({ metadata: { finalizers: names } })}`,
    ]);
  await finalizers(['example.com/hold']);
  await cluster.kubectl(['delete', 'pod', 'held', '--wait=false']);
  await eventually('held', (pod) => {
    expect(conditionOf(pod, 'Ready')?.status).toBe('False');
    expect(statusOf(pod, 'app')?.state.terminated).toBeDefined();
  });
  await finalizers([]);
  await cluster.kubectl(['wait', '--for=delete', 'pod/held', '--timeout=10s']);
});

test('a claim is bound once a Pod uses it, and its volume is deleted with it', async () => {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  await cluster.kubectl(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec }),
  );
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  await create('stateful', {
    volumes,
    containers: [{ name: 'app', image: 'app:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
  });
  await eventually('stateful', isReady);
  await cluster.kubectl(['wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/data', '--timeout=10s']);
  await cluster.kubectl(['delete', 'pod/stateful', 'pvc/data']);
  await vi.waitFor(async () => expect(await cluster.kubectl(['get', 'pv', '-o', 'name'])).toBe(''), deadline);
});
