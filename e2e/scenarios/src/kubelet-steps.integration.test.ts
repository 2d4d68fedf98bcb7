// Simulated nodes with the delays of a kubelet. The test records every version of a Pod as a line per step.
import { PODS, type Pod } from '@kuperator/api';
import { type Cluster, diesBeforeChangeAnnotation, KUBELET_DELAYS, startCluster } from '@kuperator/cluster';
import { createKubeClient, createLogger, Informer, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const GATE = 'example.com/in-service';
const deadline = { timeout: 30_000, interval: 50 };
let cluster: Cluster;
let client: KubeClient;
let pods: Informer<Pod>;
const versions = new Map<string, Pod[]>();

beforeAll(async () => {
  // The delays are as short as possible, but long enough that the steps stay separate.
  const kubelet = { ...KUBELET_DELAYS, restart: [0, 200], ready: [100, 200], backOff: [200, 400] } as const;
  cluster = await startCluster({ operators: 'none', definitions: false, nats: false, kubelet });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
  pods = new Informer({
    client,
    resource: PODS,
    namespace: 'default',
    logger: createLogger({ app: 'test', level: 'error' }),
  });
  pods.onChange(({ object }) => {
    const name = object.metadata.name ?? '';
    versions.set(name, [...(versions.get(name) ?? []), object]);
  });
  pods.start();
  await pods.waitForSync();
});

afterAll(async () => {
  await pods?.stop();
  await client?.close();
  await cluster?.down();
});

const create = (name: string, spec: object = {}, annotations: Record<string, string> = {}) =>
  client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }], ...spec },
  } as Pod);

const setImage = (name: string, image: string) =>
  client.patch(
    PODS,
    { namespace: 'default', name },
    { type: 'strategic', body: { spec: { containers: [{ name: 'app', image }] } } },
  );

const setGate = (name: string, status: string) =>
  client.patch(
    PODS,
    { namespace: 'default', name },
    { type: 'strategic', body: { status: { conditions: [{ type: GATE, status }] } }, subresource: 'status' },
  );

function conditionsOf(pod: Pod): string {
  const is = (type: string) => pod.status?.conditions?.some((each) => each.type === type && each.status === 'True');
  return `${is('ContainersReady') ? 'containers ready' : 'containers not ready'}, ${is('Ready') ? 'Ready' : 'not Ready'}`;
}

function reasonOf(pod: Pod): string | undefined {
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting as { reason?: string } | undefined;
  return waiting?.reason;
}

function containerOf(pod: Pod): string {
  const [status] = pod.status?.containerStatuses ?? [];
  if (!status) return 'no container';
  const state = status.state?.running ? 'running' : reasonOf(pod);
  return `${status.image} ${state} ${status.ready ? 'ready' : 'not ready'} restarts ${status.restartCount}`;
}

/** The steps of a Pod since version `from`, without repetitions. */
function stepsOf(name: string, from = 0): readonly string[] {
  const steps = (versions.get(name) ?? []).slice(from).map((pod) => {
    const { generation } = pod.metadata;
    const isSeen = pod.status?.observedGeneration === generation;
    const end = pod.metadata.deletionTimestamp ? `, ${pod.status?.phase}` : '';
    return `${isSeen ? 'seen' : 'unseen'}: ${containerOf(pod)}; ${conditionsOf(pod)}${end}`;
  });
  return steps.filter((step, index) => step !== steps[index - 1]);
}

const seen = (name: string) => versions.get(name)?.length ?? 0;
const latest = (name: string) => pods.get(`default/${name}`);
const eventually = (name: string, what: (pod: Pod) => boolean) =>
  vi.waitFor(() => {
    const pod = latest(name);
    expect(pod && what(pod), stepsOf(name).join('\n')).toBe(true);
    return pod as Pod;
  }, deadline);
const isReady = (pod: Pod) =>
  pod.status?.observedGeneration === pod.metadata.generation && conditionsOf(pod) === 'containers ready, Ready';
const runs = (image: string, restarts: number) => (pod: Pod) =>
  isReady(pod) && containerOf(pod) === `${image} running ready restarts ${restarts}`;

test('a new Pod has ready containers before it is Ready', async () => {
  await create('new');
  await eventually('new', isReady);
  expect(stepsOf('new').slice(-2)).toEqual([
    'seen: app:1 running ready restarts 0; containers ready, not Ready',
    'seen: app:1 running ready restarts 0; containers ready, Ready',
  ]);
});

test('Ready follows the gate when it closes and when it opens', async () => {
  await create('gated', { readinessGates: [{ conditionType: GATE }] });
  await setGate('gated', 'True');
  await eventually('gated', isReady);
  await setGate('gated', 'False');
  await eventually('gated', (pod) => !isReady(pod));
  await setGate('gated', 'True');
  await eventually('gated', isReady);
});

test('a changed image is acknowledged, then a new container runs unready, then it is ready, then the Pod is Ready', async () => {
  await create('changed');
  await eventually('changed', isReady);
  const from = seen('changed');
  await setImage('changed', 'app:2');
  await eventually('changed', runs('app:2', 1));
  expect(stepsOf('changed', from)).toEqual([
    'unseen: app:1 running ready restarts 0; containers ready, Ready',
    'seen: app:1 running ready restarts 0; containers ready, Ready',
    'seen: app:2 running not ready restarts 1; containers not ready, not Ready',
    'seen: app:2 running ready restarts 1; containers ready, not Ready',
    'seen: app:2 running ready restarts 1; containers ready, Ready',
  ]);
  expect(latest('changed')?.status?.containerStatuses?.[0]?.imageID).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('another tag of the same content restarts the container, and the status reports the first tag', async () => {
  await create('retagged');
  const before = await eventually('retagged', isReady);
  await setImage('retagged', 'app:1-retag');
  const after = await eventually('retagged', runs('app:1', 1));
  const [old, now] = [before, after].map((pod) => pod.status?.containerStatuses?.[0]);
  expect(now?.imageID).toBe(old?.imageID);
  expect(now?.containerID).not.toBe(old?.containerID);
});

test('a container that dies before the change is started from the old image first', async () => {
  await create('dying', {}, { [diesBeforeChangeAnnotation]: 'true' });
  await eventually('dying', isReady);
  const from = seen('dying');
  await setImage('dying', 'app:2');
  await eventually('dying', runs('app:2', 2));
  expect(stepsOf('dying', from)).toContain('seen: app:1 running not ready restarts 1; containers not ready, not Ready');
});

test('with a missing image, image, imageID and containerID stay those of the old container, and the waiting reason alternates', async () => {
  await create('missing', { containers: [{ name: 'app', image: 'app:1', imagePullPolicy: 'Never' }] });
  const before = await eventually('missing', isReady);
  const from = seen('missing');
  await setImage('missing', 'app:non-exist');
  const waitsFor = (reason: string) => (pod: Pod) => reasonOf(pod) === reason;
  await eventually('missing', waitsFor('CrashLoopBackOff'));
  const waiting = await eventually('missing', waitsFor('ErrImageNeverPull'));
  expect(stepsOf('missing', from)).toContain(
    'seen: app:1 ErrImageNeverPull not ready restarts 0; containers not ready, not Ready',
  );
  const [old, now] = [before, waiting].map((pod) => pod.status?.containerStatuses?.[0]);
  expect([now?.image, now?.imageID, now?.containerID]).toEqual([old?.image, old?.imageID, old?.containerID]);
  await setImage('missing', 'app:1');
  await eventually('missing', runs('app:1', 1));
});

test('a resize goes through PodResizeInProgress', async () => {
  const resources = (cpu: string) => ({ requests: { cpu } });
  await create('resized', { containers: [{ name: 'app', image: 'app:1', resources: resources('100m') }] });
  await eventually('resized', isReady);
  await client.patch(
    PODS,
    { namespace: 'default', name: 'resized' },
    {
      type: 'strategic',
      body: { spec: { containers: [{ name: 'app', resources: resources('250m') }] } },
      subresource: 'resize',
    },
  );
  await eventually(
    'resized',
    (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.resources?.requests?.cpu === '250m',
  );
  const inProgress = (versions.get('resized') ?? []).filter((pod) =>
    pod.status?.conditions?.some(({ type, status }) => type === 'PodResizeInProgress' && status === 'True'),
  );
  expect(inProgress.length).toBeGreaterThan(0);
  expect(latest('resized')?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
});

test('a deleted Pod goes through phase Succeeded before it is removed', async () => {
  await create('deleted');
  await eventually('deleted', isReady);
  await client.delete(PODS, { namespace: 'default', name: 'deleted' });
  await vi.waitFor(() => expect(latest('deleted')).toBeUndefined(), deadline);
  expect(stepsOf('deleted').at(-1)).toContain('Succeeded');
});
