// The whole engine in process, on a real API server.

import {
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  RULE_FINALIZER,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
} from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { operatorBus } from '@kuperator/events';
import { createKubeClient, type KubeClient, NotFoundError } from '@kuperator/runtime';
import { startOperator } from '@kuperator/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { declaration } from '../config.ts';
import { controllers } from '../controllers.ts';
import { Approver } from '../test/approver.ts';
import { maxUnavailable, passedIn } from '../test/samples.ts';
import { type ReplicaOwner, STATEFUL_SETS } from './owners.ts';

const NAMESPACE = 'default';
const WAIT = { timeout: 10_000, interval: 20 };

let cluster: Cluster;
let client: KubeClient;
let stop: () => Promise<void>;

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none' });
  const KUBECONFIG = cluster.kubeconfigPath;
  client = createKubeClient({ kubeconfig: KUBECONFIG, userAgent: 'test' });
  const app = 'podtransitionrule-engine';
  stop = await startOperator({
    app,
    declaration,
    settings: { KUBECONFIG, WATCH_NAMESPACE: NAMESPACE, WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' },
    build: (context) => controllers(context, operatorBus(app, context)),
  });
});

afterAll(async () => {
  await stop?.();
  await client?.close();
  await cluster?.down();
});

const getRule = (name: string) => client.get(POD_TRANSITION_RULES, { namespace: NAMESPACE, name });

async function createRule(name: string, rules: PodTransitionRule['spec']['rules']): Promise<void> {
  const spec = { selector: { matchLabels: { app: name } }, rules };
  await client.create(POD_TRANSITION_RULES, { metadata: { namespace: NAMESPACE, name }, spec } as PodTransitionRule);
}

async function createPod(app: string, name: string): Promise<void> {
  const labels = { app, [SERVICE_AVAILABLE_LABEL]: '1' };
  const pod: Pod = {
    metadata: { namespace: NAMESPACE, name, labels },
    spec: { containers: [{ name: 'app', image: 'app:v1' }], nodeName: 'nowhere', terminationGracePeriodSeconds: 0 },
  };
  await client.create(PODS, pod);
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await client.patch(
    PODS,
    { namespace: NAMESPACE, name },
    { type: 'strategic', body: { status } },
    { subresource: 'status' },
  );
}

function changeLabels(name: string, labels: Record<string, string | null>): Promise<Pod> {
  return client.patch(PODS, { namespace: NAMESPACE, name }, { type: 'merge', body: { metadata: { labels } } });
}

test('gives slots to waiting Pods, and passes them on when Pods serve again', { timeout: 60_000 }, async () => {
  await createRule('web', [maxUnavailable('50%')]);
  const names = ['web-1', 'web-2', 'web-3', 'web-4'];
  for (const name of names) await createPod('web', name);
  await vi.waitFor(async () => expect((await getRule('web')).status?.targets).toEqual(names), WAIT);
  expect((await getRule('web')).metadata.finalizers).toEqual([RULE_FINALIZER]);

  for (const [index, name] of names.entries())
    await changeLabels(name, { [stageLabel('pre-check', 'op')]: `100${index}` });
  await vi.waitFor(async () => expect((await getRule('web')).status?.details).toHaveLength(4), WAIT);
  expect(passedIn(await getRule('web'))).toEqual(['web-1', 'web-2']);

  // As the coordinator does it: out of the stage and out of service in one write. The slots stay taken.
  await changeLabels('web-1', { [stageLabel('pre-check', 'op')]: null, [SERVICE_AVAILABLE_LABEL]: null });
  await vi.waitFor(async () => expect((await getRule('web')).status?.details).toHaveLength(3), WAIT);
  expect(passedIn(await getRule('web'))).toEqual(['web-2']);

  await changeLabels('web-1', { [SERVICE_AVAILABLE_LABEL]: '2' });
  await vi.waitFor(async () => expect(passedIn(await getRule('web'))).toEqual(['web-2', 'web-3']), WAIT);
});

test('writes nothing while nothing changes', { timeout: 60_000 }, async () => {
  await createRule('quiet', [maxUnavailable(1)]);
  await createPod('quiet', 'quiet-1');
  await changeLabels('quiet-1', { [stageLabel('pre-check', 'op')]: '1' });
  await vi.waitFor(async () => expect(passedIn(await getRule('quiet'))).toEqual(['quiet-1']), WAIT);
  const before = await getRule('quiet');
  await client.patch(
    PODS,
    { namespace: NAMESPACE, name: 'quiet-1' },
    { type: 'merge', body: { metadata: { annotations: { note: 'x' }, labels: { note: 'x' } } } },
  );
  // What follows in another rule proves that the change above has been dealt with.
  await createRule('marker', []);
  await vi.waitFor(async () => expect((await getRule('marker')).status?.observedGeneration).toBe(1), WAIT);
  expect((await getRule('quiet')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
});

test('removes a deleted rule within 5 s, and a deleted Pod from its targets (T68)', { timeout: 60_000 }, async () => {
  await createRule('gone', [maxUnavailable(1)]);
  await createPod('gone', 'gone-1');
  await vi.waitFor(async () => expect((await getRule('gone')).status?.targets).toEqual(['gone-1']), WAIT);
  await client.delete(PODS, { namespace: NAMESPACE, name: 'gone-1' }, { gracePeriodSeconds: 0 });
  await vi.waitFor(async () => expect((await getRule('gone')).status?.targets).toEqual([]), {
    timeout: 5000,
    interval: 50,
  });
  await client.delete(POD_TRANSITION_RULES, { namespace: NAMESPACE, name: 'gone' });
  await vi.waitFor(() => expect(getRule('gone')).rejects.toBeInstanceOf(NotFoundError), {
    timeout: 5000,
    interval: 50,
  });
});

test('asks a webhook about each Pod and polls its task (T72)', { timeout: 60_000 }, async () => {
  const names = ['ask-1', 'ask-2', 'ask-3'];
  let polls = 0;
  const approver = await new Approver(({ method }) => {
    if (method === 'POST') return { success: true, async: true, traceId: 'theirs' };
    polls += 1;
    return polls < 3 ? { success: true, finishedNames: names.slice(0, polls) } : { success: true, finished: true };
  }).start();
  try {
    for (const name of names) await createPod('ask', name);
    for (const name of names) await changeLabels(name, { [stageLabel('pre-check', 'op')]: '1' });
    const startedAt = Date.now();
    const poll = { url: approver.url('/poll'), rawQueryKey: 'trace', intervalSeconds: 1 };
    const parameters = [{ key: 'node', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
    await createRule('ask', [
      { name: 'ask', webhook: { clientConfig: { url: approver.url('/ask'), poll }, parameters } },
    ]);
    const seen = new Set<number>();
    await vi.waitFor(async () => {
      const rule = await getRule('ask');
      seen.add(passedIn(rule).length);
      expect(passedIn(rule)).toEqual(names);
    }, WAIT);
    expect([...seen]).toEqual([0, 1, 2, 3]);
    expect(Date.now() - startedAt).toBeGreaterThan(3000);
    expect(approver.received.map(({ path }) => path)).toEqual(['/ask', ...Array(3).fill('/poll?trace=theirs')]);
    expect(approver.received[0]?.body).toMatchObject({
      ruleName: 'ask',
      resources: names.map((name) => ({ apiVersion: 'core/v1', kind: 'Pod', name, parameters: { node: 'nowhere' } })),
    });
    const [state] = (await getRule('ask')).status?.ruleStates ?? [];
    expect(state?.webhookStatus?.history).toMatchObject([{ taskId: 'theirs', processing: [], approved: names }]);
  } finally {
    await approver.stop();
  }
});

test('counts the Pods that a StatefulSet has not created yet (H6)', { timeout: 60_000 }, async () => {
  const labels = { app: 'db' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:v1' }] } };
  await client.create(STATEFUL_SETS, {
    metadata: { namespace: NAMESPACE, name: 'db' },
    spec: { replicas: 3, serviceName: 'db', selector: { matchLabels: labels }, template },
  } as ReplicaOwner);
  // The controllers of the cluster make its Pods; only the first becomes Ready here, so that two are down or missing.
  await vi.waitFor(() => client.get(PODS, { namespace: NAMESPACE, name: 'db-0' }), WAIT);
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const ref = { namespace: NAMESPACE, name: 'db-0' };
  await client.patch(PODS, ref, { type: 'strategic', body: { status } }, { subresource: 'status' });
  await changeLabels('db-0', { [SERVICE_AVAILABLE_LABEL]: '1', [stageLabel('pre-check', 'op')]: '1' });
  await createRule('db', [maxUnavailable(2)]);
  const reason = async () => (await getRule('db')).status?.details?.[0]?.rejectInfo?.[0]?.reason ?? '';
  await vi.waitFor(
    async () => expect(await reason()).toContain('max unavailable 2/3, currently unavailable 2/3'),
    WAIT,
  );
});
