// The rules as the API server evaluates them (the policy in the coordinator's chart) against the same rules in TypeScript.

import { CONTROL_LABEL, PODS, type Pod, permissionLabel, stageLabel } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { ApiError, createKubeClient, type KubeClient, objectPath } from '@kuperator/runtime';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { brokenLabelRules, forgedLabel, type Labels, REFUSAL } from './index.ts';
import { anyLabels, play, schedule } from './test/interleavings.ts';

const SAMPLE = { numRuns: 300, seed: 20_261_123 };
const POD = { namespace: 'default', name: 'web' };
const CONTROLLED = { [CONTROL_LABEL]: 'true' };
let cluster: Cluster;
let client: KubeClient;

const pod = (labels: Labels, annotations: Labels = {}): Pod => ({
  metadata: { ...POD, labels: { ...CONTROLLED, ...labels }, annotations },
  spec: { containers: [{ name: 'main', image: 'web:1' }] },
});

beforeAll(async () => {
  // Who may write these labels is not asked here.
  const chartValues = { 'podopslifecycle-coordinator': ['lifecycleLabels.grants.restricted=false'] };
  cluster = await startCluster({ operators: ['podopslifecycle-coordinator'], nats: false, chartValues });
  // It would go on with what is written here.
  await cluster.stop('podopslifecycle-coordinator');
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'label-rules' });
  await client.create(PODS, pod({}));
  // A policy is enforced some moments after it is there.
  const isEnforced = async () => expect(await refusalOf({ [stageLabel('operated', 'a')]: '1' })).toBeDefined();
  await vi.waitFor(isEnforced, { timeout: 60_000, interval: 100 });
});
afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

/** Why the API server would refuse the Pod with these labels; undefined when it would not. */
async function refusalOf(labels: Labels, options: { subresource?: 'status'; annotations?: Labels } = {}) {
  const { annotations = {} } = options;
  return messageOf(
    client.request('PATCH', objectPath(PODS, POD, options.subresource), {
      query: { dryRun: 'All' },
      body: { metadata: { labels, annotations } },
      contentType: 'application/merge-patch+json',
      resource: PODS,
    }),
  );
}

async function messageOf(request: Promise<unknown>): Promise<string | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return error.message;
    throw error;
  }
}

/** Every label set that the protocol's own writers leave in random schedules. */
function settledStates(): readonly Labels[] {
  const states = new Map<string, Labels>();
  for (const each of fc.sample(schedule, { ...SAMPLE, numRuns: 5000 })) {
    play(each, ({ pod }) => {
      const labels = pod.metadata.labels ?? {};
      states.set(Object.keys(labels).sort().join(), labels);
    });
  }
  return [...states.values()];
}

describe.each([
  { resource: 'pods', options: {} },
  { resource: 'pods/status', options: { subresource: 'status' as const } },
])('on $resource', ({ options }) => {
  const written = (labels: Labels) => refusalOf(labels, options);

  test('accepts every state that settling produces', async () => {
    const states = settledStates();
    expect(states.length).toBeGreaterThan(100);
    for (const labels of states) expect(await written(labels), Object.keys(labels).join(' ')).toBeUndefined();
  });

  test('CEL refuses exactly the labels that TypeScript refuses, with the same messages', async () => {
    const sets = fc.sample(anyLabels, SAMPLE);
    expect(sets.filter((labels) => brokenLabelRules(labels).length > 0).length).toBeGreaterThan(100);
    for (const labels of sets) {
      const refusal = await written(labels);
      const broken = brokenLabelRules(labels);
      const isAgreed =
        refusal === undefined ? broken.length === 0 : broken.some((message) => refusal.includes(message));
      expect(isAgreed, `${Object.keys(labels).join(' ')}\n${refusal}\n${broken.join('\n')}`).toBe(true);
    }
  });

  test('the refusal names a lifecycle label without an id', async () => {
    const key = 'operate.podopslifecycle.kusionstack.io';
    expect(await written({ [key]: '1' })).toContain(brokenLabelRules({ [key]: '1' })[0]);
  });
});

test.each([
  { name: 'a new Pod may ask for an operation', labels: { [stageLabel('operating', 'a')]: '1' }, refused: false },
  {
    name: 'refuses a new Pod with a permission that was never granted (D17)',
    labels: { [stageLabel('operate', 'a')]: '1' },
    refused: true,
  },
  {
    name: 'refuses a new Pod that brings its permission along (D17)',
    labels: { [stageLabel('pre-checked', 'a')]: '1', [permissionLabel('update')]: '1' },
    refused: true,
  },
])('$name', async ({ labels, refused }) => {
  const forged = { ...pod(labels), metadata: { ...pod(labels).metadata, name: 'new' } };
  const refusal = await messageOf(client.create(PODS, forged, { dryRun: true }));
  if (!refused) expect(refusal).toBeUndefined();
  else expect(refusal).toContain(`${REFUSAL}label ${forgedLabel(labels)} of a new Pod: allowed are operating`);
});

const CONDITIONS = 'pod.kusionstack.io/available-conditions';
test.each([
  { text: '{}', refused: false },
  { text: 'null', refused: false },
  { text: '{"expectedFinalizers":{"Service/default/web":"prot.podopslifecycle.kusionstack.io/x"}}', refused: false },
  { text: ' {"other": [1, {"a": "}"}], "expectedFinalizers": {}} ', refused: false },
  { text: 'yes', refused: true },
  { text: '["a"]', refused: true },
  { text: '{expectedFinalizers: {}}', refused: true },
  { text: '{"expectedFinalizers"', refused: true },
])('the annotation $text is refused: $refused', async ({ text, refused }) => {
  const refusal = await refusalOf({}, { annotations: { [CONDITIONS]: text } });
  expect(refusal !== undefined, refusal).toBe(refused);
});

describe('who is not asked', () => {
  const forge = `${stageLabel('operated', 'a')}=1`;
  const asNode = ['--as=system:node:node-0', '--as-group=system:nodes', '--as-group=system:masters'];

  test('a node on a Pod whose labels are already invalid, and any client that changes something else of it', async () => {
    await cluster.kubectl(['label', 'pod', 'web', forge, ...asNode]);
    await cluster.kubectl(['annotate', 'pod', 'web', 'note=hello']);
    const conditions = [{ type: 'example.com/seen', status: 'True' }];
    await client.patch(PODS, POD, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' });
    expect(await refusalOf({ other: 'label' })).toContain('done-operation-type.podopslifecycle.kusionstack.io/a');
    await cluster.kubectl(['label', 'pod', 'web', forge.replace('=1', '-')]);
  });

  test('a Pod without the control label (T24)', async () => {
    await cluster.kubectl(['run', 'free', '--image=web:1', `--labels=${forge}`]);
    await cluster.kubectl(['label', 'pod', 'free', `${stageLabel('operate', 'a')}=1`]);
  });
});
