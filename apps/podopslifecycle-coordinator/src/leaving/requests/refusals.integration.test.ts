// How clients of a real API server are answered about Pods that may not leave: the controller-manager, kubectl delete and kubectl drain. No
// engine evaluates the rule here, so these Pods stay until the rule is deleted.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, CommandError, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const COORDINATOR = 'podopslifecycle-coordinator';
const MARK = 'collaset.kusionstack.io/to-delete';
const RULE = 'podtransitionrule/strict';
const HELD = 12;
const DEADLINE = { timeout: 120_000, interval: 200 };

let cluster: Cluster;
/** What kubectl delete prints in the end. It waits for about a minute, while the other tests run. */
let deletion: Promise<string>;

beforeAll(async () => {
  // Flow control and limits are those of a real cluster.
  const flowControl = ['--enable-priority-and-fairness=true', '--max-requests-inflight=400'];
  const apiServerFlags = [...flowControl, '--max-mutating-requests-inflight=200'];
  cluster = await startCluster({ operators: [COORDINATOR], nats: false, audit: true, apiServerFlags });
  for (const namespace of ['tenant', 'neighbour', 'people', 'victim'])
    await cluster.kubectl(['create', 'namespace', namespace]);
  await create(
    rule('tenant'),
    rule('people'),
    rule('victim'),
    deployment('tenant', HELD, CONTROLLED),
    deployment('neighbour', 2, {}),
  );
  await create(...['deleted', 'evicted', 'guarded'].map((name) => pod(name)), budget());
  for (const namespace of ['tenant', 'neighbour']) await available(namespace);
  await vi.waitFor(async () => expect(await ready('people')).toHaveLength(3), DEADLINE);
  deletion = failureOf(['delete', 'pod', 'deleted', '--namespace=people']);
});
afterAll(() => cluster?.down());

const CONTROLLED = { 'kusionstack.io/control': 'true' };

async function create(...items: readonly object[]): Promise<void> {
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

const podSpec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'web', image: 'web:v1' }] };

function deployment(namespace: string, replicas: number, labels: Record<string, string>): object {
  const selector = { matchLabels: { app: namespace } };
  const template = { metadata: { labels: { app: namespace, ...labels } }, spec: podSpec };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: { replicas, selector, template },
  };
}

function pod(name: string): object {
  const labels = { app: 'people', name, ...CONTROLLED };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'people', labels }, spec: podSpec };
}

function rule(namespace: string): object {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name: 'strict', namespace },
    spec: {
      selector: { matchLabels: { app: namespace } },
      rules: [{ name: 'none', availablePolicy: { maxUnavailableValue: 0 } }],
    },
  };
}

function budget(): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'keep', namespace: 'people' },
    spec: { minAvailable: 1, selector: { matchLabels: { name: 'guarded' } } },
  };
}

async function available(namespace: string): Promise<void> {
  await cluster.kubectl(['rollout', 'status', 'deployment/web', `--namespace=${namespace}`, '--timeout=120s']);
}

type Pods = { items: { metadata: { deletionTimestamp?: string; labels: Record<string, string> } }[] };

async function podsOf(namespace: string): Promise<Pods['items']> {
  const list = await cluster.kubectl(['get', 'pods', `--namespace=${namespace}`, '--output=json']);
  return (JSON.parse(list) as Pods).items;
}

async function ready(namespace: string): Promise<readonly string[]> {
  const output = '--output=jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const list = await cluster.kubectl(['get', 'pods', `--namespace=${namespace}`, output]);
  return list.split('\n').filter((status) => status === 'True');
}

const scaledToZero = (namespace: string) =>
  cluster.kubectl(['scale', 'deployment/web', `--namespace=${namespace}`, '--replicas=0']);

type Call = {
  stage: string;
  verb: string;
  user: { username: string };
  objectRef?: { resource?: string; namespace?: string };
  responseStatus?: { code: number; details?: { retryAfterSeconds?: number } };
};

/** How many deletions of Pods have been requested so far. */
async function deletions(isMeant: (call: Call) => boolean): Promise<readonly Call[]> {
  const lines = (await readFile(join(cluster.dir, 'audit.log'), 'utf8')).split('\n');
  return lines
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Call)
    .filter(
      ({ verb, stage, objectRef }) =>
        verb === 'delete' && stage === 'ResponseComplete' && objectRef?.resource === 'pods',
    )
    .filter(isMeant);
}

/** What kubectl prints when it fails. */
async function failureOf(args: readonly string[]): Promise<string> {
  const error = await cluster.kubectl(args).then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(CommandError);
  return (error as CommandError).stderr;
}

test('Pods that a rule holds do not hold up the controller-manager, and are deleted once the rule lets them pass', async () => {
  await scaledToZero('tenant');
  const marked = async () =>
    expect((await podsOf('tenant')).filter(({ metadata }) => MARK in metadata.labels)).toHaveLength(HELD);
  await vi.waitFor(marked, DEADLINE);

  await scaledToZero('neighbour');
  await vi.waitFor(async () => expect(await podsOf('neighbour')).toEqual([]), DEADLINE);
  expect((await podsOf('tenant')).filter(({ metadata }) => !metadata.deletionTimestamp)).toHaveLength(HELD);

  const refusals = await deletions(
    ({ objectRef, user }) => objectRef?.namespace === 'tenant' && user.username.includes(':kube-system:'),
  );
  expect(refusals.length).toBeGreaterThanOrEqual(HELD);
  expect(new Set(refusals.map(({ responseStatus }) => responseStatus?.code))).toEqual(new Set([429]));
  // Without it there is no header Retry-After, and client-go does not sleep.
  expect(refusals.filter(({ responseStatus }) => responseStatus?.details?.retryAfterSeconds !== undefined)).toEqual([]);

  await cluster.kubectl(['delete', RULE, '--namespace=tenant']);
  await vi.waitFor(async () => expect(await podsOf('tenant')).toEqual([]), DEADLINE);
});

test('a preempted Pod is requested once, and is deleted once the rule lets it pass', async () => {
  const spec = (cpu: string) => ({
    ...podSpec,
    nodeSelector: { 'kubernetes.io/hostname': 'node-2' },
    containers: [{ name: 'web', image: 'web:v1', resources: { requests: { cpu } } }],
  });
  const labels = { app: 'victim', ...CONTROLLED };
  const priority = {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'urgent' },
    value: 1000,
  };
  const aPod = (name: string, more: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'victim', labels },
    ...more,
  });
  await create(priority, aPod('victim', { spec: spec('3000') }));
  await vi.waitFor(async () => expect(await ready('victim')).toHaveLength(1), DEADLINE);
  const urgent = { ...spec('2000'), priorityClassName: 'urgent' };
  await create({ ...aPod('urgent', { spec: urgent }), metadata: { name: 'urgent', namespace: 'default' } });
  const marked = async () =>
    expect((await podsOf('victim')).filter(({ metadata }) => MARK in metadata.labels)).toHaveLength(1);
  await vi.waitFor(marked, DEADLINE);
  await cluster.kubectl(['delete', RULE, '--namespace=victim']);
  await cluster.kubectl(['wait', 'pod/urgent', '--for=condition=PodScheduled', '--timeout=120s']);
  const asked = await deletions(({ user }) => user.username === 'system:kube-scheduler');
  expect(asked.map(({ responseStatus }) => responseStatus?.code)).toContain(404);
  // Otherwise there would be hundreds of requests a second.
  expect(asked.length).toBeLessThan(10);
}, 120_000);

/** No engine runs here. The coordinator knows that after it has looked for the engine's Lease for a while. */
const NO_VERDICT =
  /It waits: (podtransitionrule-engine is not running \(it has no live Lease\); )?no verdict from the podtransitionrule-engine on PodTransitionRule strict/;

test('kubectl drain prints the holder each time, and a PodDisruptionBudget only if that is the holder', async () => {
  const node = '{.spec.nodeName}';
  for (const [name, holder] of [
    ['evicted', NO_VERDICT],
    ['guarded', /It waits for PodDisruptionBudget keep, which allows no disruption now \(1 healthy, 1 needed\)/],
  ] as const) {
    const on = await cluster.kubectl(['get', 'pod', name, '--namespace=people', `--output=jsonpath=${node}`]);
    const said = await failureOf(['drain', on, '--force', `--pod-selector=name=${name}`, '--timeout=15s']);
    await cluster.kubectl(['uncordon', on]);
    expect(said).toMatch(holder);
    expect(said.includes('PodDisruptionBudget')).toBe(name === 'guarded');
    expect(said).not.toContain('operation controller');
  }
}, 120_000);

test('kubectl delete ends with the name of the holder, and the Pod goes later', async () => {
  const said = await deletion;
  expect(said).toContain('Pod people/deleted is being taken out of traffic and will be deleted once that is done');
  expect(said).toMatch(NO_VERDICT);
  expect(said).toContain('podopslifecycle.kusionstack.io/delete-at-once=true');
}, 120_000);

test('a Pod without a holder is deleted although its client has gone', async () => {
  await cluster.kubectl(['delete', RULE, '--namespace=people']);
  const isGone = async () =>
    expect((await podsOf('people')).map(({ metadata }) => metadata.labels.name)).not.toContain('deleted');
  await vi.waitFor(isGone, DEADLINE);
});
