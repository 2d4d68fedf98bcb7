// A rule that never lets a Pod pass, while the cluster needs the Pod's place: the taint manager and the scheduler of a real cluster delete it.
// No engine runs here, so no rule lets a Pod pass.
import { CLUSTER_NEEDS_ANNOTATION, type Pod } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const COORDINATOR = 'podopslifecycle-coordinator';
const DEADLINE = { timeout: 100_000, interval: 200 };

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({
    operators: [COORDINATOR],
    nats: false,
    nodes: 2,
    operatorEnv: { CLUSTER_NEEDS_SECONDS: '30' },
  });
  const spec = {
    selector: { matchLabels: { app: 'held' } },
    rules: [{ name: 'none', availablePolicy: { maxUnavailableValue: 0 } }],
  };
  const rule = {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name: 'strict' },
    spec,
  };
  const urgent = {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'urgent' },
    value: 1000,
  };
  await create(rule, urgent);
});
afterAll(() => cluster?.down());

async function create(...items: readonly object[]): Promise<void> {
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

function pod(name: string, node: string, labels: Record<string, string>, more: object = {}): object {
  const resources = { requests: { cpu: '3000' } };
  const spec = {
    terminationGracePeriodSeconds: 0,
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'web', image: 'web:v1', resources }],
    ...more,
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec };
}

/** A Pod in service that takes most of a node, under the rule. */
async function held(name: string, node: string): Promise<void> {
  await create(pod(name, node, { app: 'held', 'kusionstack.io/control': 'true' }));
  const available = 'podopslifecycle.kusionstack.io/service-available';
  await vi.waitFor(async () => expect((await named(name))?.metadata.labels).toHaveProperty([available]), DEADLINE);
}

async function named(name: string): Promise<Pod | undefined> {
  const text = await cluster.kubectl(['get', 'pod', name, '--ignore-not-found', '--output=json']);
  return text ? (JSON.parse(text) as Pod) : undefined;
}

/** Expects that the request is recorded on the Pod, which stays at first, and that the Pod is deleted later with an Event that says why. */
async function isDrainedAndThenGone(name: string): Promise<void> {
  const kept = (await named(name))?.metadata.uid;
  await vi.waitFor(async () => {
    const { metadata } = (await named(name)) ?? {};
    expect(metadata?.uid).toBe(kept);
    expect(metadata?.annotations).toHaveProperty([CLUSTER_NEEDS_ANNOTATION]);
  }, DEADLINE);
  await vi.waitFor(async () => expect(await named(name)).toBeUndefined(), DEADLINE);
  const about = `--field-selector=involvedObject.name=${name},reason=PodDeletion,type=Warning`;
  const events = () => cluster.kubectl(['get', 'events', about, '--output=jsonpath={.items[*].message}']);
  await vi.waitFor(async () => expect(await events()).toContain('the cluster has needed its place'), DEADLINE);
}

test('a NoExecute taint ends a Pod whose rule never lets it pass', async () => {
  await held('tainted', 'node-0');
  await cluster.kubectl(['taint', 'node', 'node-0', 'broken=yes:NoExecute']);
  await isDrainedAndThenGone('tainted');
}, 240_000);

test('preemption ends a Pod whose rule never lets it pass, and the urgent Pod gets the room', async () => {
  await held('preempted', 'node-1');
  await create(pod('urgent', 'node-1', {}, { priorityClassName: 'urgent' }));
  await isDrainedAndThenGone('preempted');
  await vi.waitFor(async () => expect((await named('urgent'))?.spec.nodeName).toBe('node-1'), DEADLINE);
}, 240_000);
