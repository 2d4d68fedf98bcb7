// Operations while the coordinator cannot read the rules: it must not conclude that there are none. The tests use a real API server and the
// rights of the chart. No engine runs here, so a rule that the coordinator can read holds an operation because there is no verdict.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, connect as open, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { conditionOf, type Pod, stageLabel } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { PROGRESSING } from '@kuperator/holders';
import { beginOperation } from '@kuperator/lifecycle';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const COORDINATOR = 'podopslifecycle-coordinator';
const RULES = 'podtransitionrules.apps.kusionstack.io';
const DEADLINE = { timeout: 50_000, interval: 200 };
/** A silent watch counts as dead after 90 s. */
const SILENCE = { timeout: 200_000, interval: 500 };

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({
    operators: [COORDINATOR],
    nats: false,
    nodes: 1,
    operatorEnv: { EXPLAIN_AFTER_SECONDS: '1' },
  });
});
afterAll(() => cluster?.down());

async function create(...items: readonly object[]): Promise<void> {
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

async function podNamed(name: string): Promise<Pod> {
  return JSON.parse(await cluster.kubectl(['get', 'pod', name, '--output=json'])) as Pod;
}

/** A Pod in service. */
async function serving(name: string): Promise<void> {
  const labels = { app: name, 'kusionstack.io/control': 'true' };
  const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'web', image: 'web:v1' }] };
  await create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec });
  const available = 'podopslifecycle.kusionstack.io/service-available';
  await vi.waitFor(async () => expect((await podNamed(name)).metadata.labels).toHaveProperty([available]), DEADLINE);
}

function rule(name: string, app: string): object {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app } },
      rules: [{ name: 'none', availablePolicy: { maxUnavailableValue: 0 } }],
    },
  };
}

async function begin(name: string): Promise<void> {
  const nanos = `${BigInt(Date.now()) * 1_000_000n}`;
  const labels = beginOperation(await podNamed(name), { id: 'test', type: 'update', nanos });
  await cluster.kubectl(['patch', 'pod', name, '--type=merge', `--patch=${JSON.stringify({ metadata: { labels } })}`]);
}

const isPermitted = (pod: Pod) => pod.metadata.labels?.[stageLabel('operate', 'test')] !== undefined;

/** Expects that the Pod reports `reason` and that its operation has not passed its check. */
async function waits(name: string, reason: string, deadline = DEADLINE): Promise<Pod> {
  return vi.waitFor(async () => {
    const pod = await podNamed(name);
    expect(isPermitted(pod)).toBe(false);
    expect(conditionOf(pod, PROGRESSING)).toMatchObject({ reason });
    return pod;
  }, deadline);
}

async function permitted(name: string): Promise<void> {
  await vi.waitFor(async () => expect(isPermitted(await podNamed(name))).toBe(true), DEADLINE);
}

async function readyz(): Promise<{ status: number; checks: Record<string, { ok: boolean; detail?: string }> }> {
  const { httpPort } = cluster.processes().find(({ name }) => name === COORDINATOR) ?? {};
  const response = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
  const { checks } = (await response.json()) as { checks: Record<string, { ok: boolean; detail?: string }> };
  return { status: response.status, checks };
}

test('an operation is permitted without a rule, however long the watch of rules has been silent', async () => {
  await serving('quiet');
  await begin('quiet');
  await permitted('quiet');
});

describe('without the right to read rules', () => {
  const role = ['clusterrole', `${COORDINATOR}.kuperator-system`];
  let before: string;

  beforeAll(async () => {
    await serving('blind');
    before = await cluster.kubectl(['get', ...role, '--output=json']);
    const { rules } = JSON.parse(before) as { rules: { resources: string[] }[] };
    const less = rules.filter(({ resources }) => !resources.includes('podtransitionrules'));
    await cluster.kubectl(['patch', ...role, '--type=merge', `--patch=${JSON.stringify({ rules: less })}`]);
    // A watch that was accepted before goes on without the right until it ends.
    await cluster.restart('kube-apiserver');
    await create(rule('unseen', 'blind'));
  });

  test('an operation waits, and its Pod reports the reason', async () => {
    await begin('blind');
    const pod = await waits('blind', 'WaitingForApiServer');
    expect(conditionOf(pod, PROGRESSING)?.message).toContain('its cache of podtransitionrules is current');
  });

  test('/readyz names the kind that is not followed, and the reason', async () => {
    const unready = await vi.waitFor(async () => {
      const answer = await readyz();
      expect(answer.status).toBe(503);
      return answer;
    }, DEADLINE);
    expect(unready.checks['watch/podtransitionrules']).toMatchObject({ ok: false });
    expect(unready.checks['watch/podtransitionrules']?.detail).toContain('is forbidden');
    expect(unready.checks['watch/services']).toMatchObject({ ok: true });
  });

  test('after the right is given back, the rule counts and the operator is ready again without a restart', async () => {
    const { rules } = JSON.parse(before) as { rules: object[] };
    await cluster.kubectl(['patch', ...role, '--type=merge', `--patch=${JSON.stringify({ rules })}`]);
    await waits('blind', 'WaitingForEngine');
    await vi.waitFor(async () => expect((await readyz()).status).toBe(200), DEADLINE);
    await cluster.kubectl(['delete', 'podtransitionrule', 'unseen']);
    await permitted('blind');
  });
});

test('no operation passes while a definition is deleted and created again with its rules', async () => {
  await serving('made-anew');
  await create(rule('again', 'made-anew'));
  const crd = JSON.parse(await cluster.kubectl(['get', 'crd', RULES, '--output=json'])) as Record<string, unknown>;
  const { name, annotations } = crd.metadata as { name: string; annotations?: object };
  await cluster.kubectl(['delete', 'crd', RULES]);
  await begin('made-anew');
  await waits('made-anew', 'WaitingForApiServer');
  await create({ ...crd, metadata: { name, annotations }, status: undefined });
  await vi.waitFor(() => create(rule('again', 'made-anew')), DEADLINE);
  await waits('made-anew', 'WaitingForEngine');
  await cluster.kubectl(['delete', 'podtransitionrule', 'again']);
  await permitted('made-anew');
}, 180_000);

describe('behind a connection that stays open and delivers nothing', () => {
  const proxy = pausingProxy();

  beforeAll(async () => {
    const server = new URL(await currentServer());
    await proxy.listen(Number(server.port));
    const file = join(cluster.dir, 'kubeconfigs', COORDINATOR);
    const kubeconfig = await readFile(file, 'utf8');
    await serving('half-open');
    await writeFile(file, kubeconfig.replaceAll(server.host, `127.0.0.1:${proxy.port()}`));
    await cluster.restart(COORDINATOR);
  });
  afterAll(() => proxy.close());

  test('an operation waits for a rule that was created meanwhile', async () => {
    proxy.pauseOpen();
    await create(rule('late', 'half-open'));
    await begin('half-open');
    // The Pod is enqueued once the watch of Pods was found dead and has begun again. The watch of rules may still be dead then.
    await waits('half-open', 'WaitingForEngine', SILENCE);
  }, 240_000);

  async function currentServer(): Promise<string> {
    return cluster.kubectl(['config', 'view', '--minify', '--output=jsonpath={.clusters[0].cluster.server}']);
  }
});

/** A proxy for connections. After `pauseOpen` the open ones deliver nothing any more, and are not closed. */
function pausingProxy() {
  const pairs = new Set<{ client: Socket; server: Socket }>();
  let target = 0;
  const listener: Server = createServer((client) => {
    const server = open(target, '127.0.0.1');
    const pair = { client, server };
    pairs.add(pair);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
  });
  return {
    port: () => (listener.address() as { port: number }).port,
    listen(port: number) {
      target = port;
      return new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', () => resolve()));
    },
    pauseOpen() {
      for (const { client, server } of pairs) {
        client.unpipe(server).resume();
        server.unpipe(client).resume();
      }
    },
    async close() {
      for (const { client } of pairs) client.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
