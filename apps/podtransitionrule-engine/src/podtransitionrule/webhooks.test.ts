// Webhook rules in a pass of the engine: the reconciler on an in-memory cluster, and an approver that really listens.

import { BlockList } from 'node:net';
import { POD_TRANSITION_RULES, PODS, type Pod, type TransitionRule, type TransitionRuleWebhook } from '@kuperator/api';
import { createLogger, createMetrics, type ReconcileResult } from '@kuperator/runtime';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Approver, type Received, type Reply } from '../test/approver.ts';
import {
  afterPass,
  aPod,
  aRule,
  EVERYTHING_EVALUATED,
  maxUnavailable,
  NAMESPACE,
  passedIn,
  reasonIn,
  requiresLabel,
  UNANSWERED,
  waitingPods,
} from '../test/samples.ts';
import { networksOf } from '../webhook/address.ts';
import { WebhookCalls } from '../webhook/calls.ts';
import { httpSender } from '../webhook/http.ts';
import { webhookMetrics } from '../webhook/metrics.ts';
import { ruleMetrics } from './metrics.ts';
import { ownWritesTo } from './own-writes.ts';
import { POD_INDEXES, trimPod } from './pod-cache.ts';
import { podReader } from './pod-reader.ts';
import { podTransitionRuleReconciler } from './reconcile.ts';
import { HONOR_FAILURE_POLICY_ANNOTATION } from './webhooks.ts';

const KEY = `${NAMESPACE}/rule`;

let cluster: InMemoryCluster;
let clock: FakeClock;
let approver: Approver;
let replies: (received: Received) => Reply;
let warnings: string[];
let closing: (() => void)[];

beforeEach(async () => {
  clock = new FakeClock();
  cluster = new InMemoryCluster({ clock });
  warnings = [];
  closing = [];
  replies = () => ({ success: true });
  approver = await new Approver((received) => replies(received)).start();
});
afterEach(async () => {
  for (const close of closing) close();
  await approver.stop();
});

function anEngine() {
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { namespace: ({ metadata }) => [metadata.namespace ?? ''] },
  });
  const pods = cluster.informer(PODS, { indexes: POD_INDEXES, trim: trimPod });
  const metrics = createMetrics('test', { processMetrics: false });
  const logger = createLogger({ app: 'test', level: 'silent' });
  const allowed = networksOf(['127.0.0.0/8']) ?? new BlockList();
  const sender = httpSender({ timeoutMs: 2000, maxBytes: 10_000, allowed });
  closing.push(() => sender.close());
  let outcomes = 0;
  const webhooks = new WebhookCalls({
    send: sender.send,
    readPods: podReader(cluster.client),
    onOutcome: () => {
      outcomes += 1;
    },
    isOurs: () => true,
    maxCalls: 16,
    clock,
    logger,
    metrics: webhookMetrics(metrics),
  });
  let traces = 0;
  const reconcile = podTransitionRuleReconciler({
    rules,
    pods,
    sight: { isClear: () => true, blindTo: async () => [] },
    ownerKinds: [],
    client: cluster.client,
    ownWrites: ownWritesTo(rules),
    events: { publish: () => {} },
    recorder: { warn: (_object, reason, message) => warnings.push(`${reason}: ${message}`) },
    metrics: ruleMetrics(metrics),
    clock,
    settings: { ...EVERYTHING_EVALUATED, allowedNetworks: allowed },
    webhooks,
    newTraceId: () => `trace-${++traces}`,
  });
  const pass = (): Promise<ReconcileResult> => reconcile(KEY, { logger, signal: new AbortController().signal });
  return {
    pass,
    rules,
    /** A pass, and one more for each call that ended since. */
    async passes(calls: number): Promise<void> {
      const before = outcomes;
      await pass();
      await vi.waitFor(() => expect(outcomes).toBe(before + calls));
      await pass();
    },
  };
}

const stored = () => cluster.get(POD_TRANSITION_RULES, KEY);
const passedNow = () => passedIn(stored() ?? aRule([]));
const webhookState = () => stored()?.status?.ruleStates?.[0]?.webhookStatus;
const askedNames = () =>
  approver.received
    .filter(({ method }) => method === 'POST')
    .map(({ body }) => (body as { resources: { name: string }[] }).resources.map(({ name }) => name));
const traceIds = () =>
  approver.received.flatMap(({ method, body }) => (method === 'POST' ? [(body as { traceId: string }).traceId] : []));

function aWebhook(more: Partial<TransitionRuleWebhook> = {}, rule: Partial<TransitionRule> = {}): TransitionRule {
  const poll = { url: approver.url('/poll?x=1'), rawQueryKey: 'id', intervalSeconds: 3, timeoutSeconds: 60 };
  return { name: 'ask', webhook: { clientConfig: { url: approver.url('/ask'), poll }, ...more }, ...rule };
}

function given(pods: readonly Pod[], ...rules: TransitionRule[]): void {
  for (const pod of pods) cluster.add(PODS, pod);
  cluster.add(POD_TRANSITION_RULES, aRule(rules));
}

describe('a webhook rule', () => {
  test('lets exactly the approved Pods in the stage pass', async () => {
    given([...waitingPods(1), aPod({ name: 'idle' })], aWebhook({ clientConfig: { url: approver.url() } }));
    const { passes } = anEngine();
    await passes(1);
    expect(passedNow()).toEqual(['p1']);
    expect(stored()?.status?.details).toHaveLength(1);
    for (const name of ['p2', 'p3', 'p4']) cluster.add(PODS, aPod({ name, preCheck: { op: '2' } }));
    await passes(1);
    expect(passedNow()).toEqual(['p1', 'p2', 'p3', 'p4']);
    expect(stored()?.status?.details).toHaveLength(4);
    expect(askedNames()).toEqual([['p1'], ['p2', 'p3', 'p4']]);
  });

  test('stores its question before it asks (H9)', async () => {
    let seen: unknown;
    replies = ({ body }) => {
      seen = { stored: webhookState()?.taskStates, body };
      return { success: true };
    };
    given(waitingPods(2), aWebhook());
    const { passes } = anEngine();
    await passes(1);
    expect(seen).toMatchObject({
      stored: [{ traceId: 'trace-1', processing: ['p1', 'p2'] }],
      body: { traceId: 'trace-1', ruleName: 'ask' },
    });
  });

  test('does not ask if the status could not be stored (H9)', async () => {
    given(waitingPods(1), aWebhook());
    const { pass, rules } = anEngine();
    await pass();
    await vi.waitFor(() => expect(approver.received).toHaveLength(1));
    rules.pause();
    cluster.add(PODS, aPod({ name: 'p2', preCheck: { op: '2' } }));
    cluster.change(POD_TRANSITION_RULES, KEY, (rule) => ({
      ...rule,
      metadata: { ...rule.metadata, labels: { a: 'b' } },
    }));
    await expect(pass()).rejects.toThrow();
    expect(approver.received).toHaveLength(1);
  });

  test('example 9: with a poll every 3 s, four Pods pass one after the other, the last after 12 s', async () => {
    const names = ['p1', 'p2', 'p3', 'p4'];
    let polls = 0;
    replies = ({ method }) => {
      if (method === 'POST') return { success: true, poll: true, taskId: 't' };
      polls += 1;
      return polls < 4
        ? { success: true, finished: false, finishedNames: names.slice(0, polls) }
        : { success: true, finished: true };
    };
    given(waitingPods(4), aWebhook());
    const { pass, passes } = anEngine();
    await passes(1);
    const counts = [passedNow().length];
    for (let second = 1; second <= 12; second++) {
      clock.advance(1000);
      if (second % 3 === 0) {
        await passes(1);
        counts.push(passedNow().length);
      } else {
        expect(await pass()).toMatchObject({ requeueAfterMs: expect.any(Number) });
      }
    }
    expect(counts).toEqual([0, 1, 2, 3, 4]);
    expect(approver.received.map(({ path }) => path)).toEqual(['/ask', ...Array(4).fill('/poll?x=1&id=t')]);
    expect(webhookState()?.history).toMatchObject([{ taskId: 't', approved: names }]);
  });

  test('example 10: if the task stops with two of three Pods, it asks about the third one interval later', async () => {
    replies = ({ method }) =>
      method === 'POST'
        ? { success: true, poll: true, taskId: 't' }
        : { success: true, stop: true, finishedNames: ['p1', 'p2'] };
    given(waitingPods(3), aWebhook());
    const { pass, passes } = anEngine();
    await passes(1);
    clock.advance(3000);
    await passes(1);
    expect(passedNow()).toEqual(['p1', 'p2']);
    await pass();
    expect(askedNames()).toHaveLength(1);
    clock.advance(3000);
    await passes(1);
    expect(askedNames()).toEqual([['p1', 'p2', 'p3'], ['p3']]);
  });

  test('continues its task after a restart, also after one in the middle of a question (H7, H9)', async () => {
    replies = ({ method }) =>
      method === 'POST' ? { success: true, poll: true, taskId: 't' } : { success: true, finished: true };
    given(waitingPods(1), aWebhook());
    await anEngine().pass();
    await vi.waitFor(() => expect(approver.received).toHaveLength(1));
    await anEngine().passes(1);
    expect(traceIds()).toEqual(['trace-1', 'trace-1']);
    expect(webhookState()?.taskStates).toMatchObject([{ taskId: 't', traceId: 'trace-1' }]);
    clock.advance(3000);
    await anEngine().passes(1);
    expect(passedNow()).toEqual(['p1']);
    expect(approver.received).toHaveLength(3);
  });

  test('that cannot be reached lets no Pod pass, gives the reason, and is asked again (H7)', async () => {
    replies = () => (response) => response.writeHead(500).end('out of order');
    given(waitingPods(2), aWebhook());
    const { passes } = anEngine();
    await passes(1);
    expect(passedNow()).toEqual([]);
    expect(reasonIn(stored() ?? aRule([]), 'p1')).toMatch(/^rule ask: webhook: POST .*\/ask: status 500$/);
    replies = () => ({ success: true });
    clock.advance(1000);
    await passes(1);
    expect(passedNow()).toEqual(['p1', 'p2']);
  });

  test('keeps a pass, and does not ask about it again', async () => {
    given(waitingPods(1), aWebhook(), requiresLabel('ready'));
    const { pass, passes } = anEngine();
    cluster.change<Pod>(PODS, `${NAMESPACE}/p1`, (pod) => withLabel(pod, 'ready', 'true'));
    await passes(1);
    expect(passedNow()).toEqual(['p1']);
    cluster.change<Pod>(PODS, `${NAMESPACE}/p1`, (pod) => withLabel(pod, 'ready', 'false'));
    await pass();
    expect(passedNow()).toEqual([]);
    expect(stored()?.status?.details?.[0]?.passedRules).toEqual(['ask']);
    cluster.change<Pod>(PODS, `${NAMESPACE}/p1`, (pod) => withLabel(pod, 'ready', 'true'));
    await pass();
    expect(passedNow()).toEqual(['p1']);
    expect(askedNames()).toEqual([['p1']]);
  });

  test('keeps a pass when another rule of the object is edited, and asks again when it is edited itself', async () => {
    given(waitingPods(1), aWebhook(), maxUnavailable(0));
    const { pass, passes } = anEngine();
    await passes(1);
    expect(stored()?.status?.details?.[0]).toMatchObject({ passed: false, passedRules: ['ask'] });
    edit([aWebhook(), maxUnavailable('0%')]);
    await pass();
    expect(stored()?.status?.details?.[0]).toMatchObject({ passed: false, passedRules: ['ask'] });
    edit([aWebhook({ parameters: [{ key: 'a', value: 'b' }] }), maxUnavailable(0)]);
    await passes(1);
    expect(askedNames()).toHaveLength(2);
  });

  test('asks again about a Pod on which another operation has begun (H5)', async () => {
    given(waitingPods(1), aWebhook());
    const { passes } = anEngine();
    await passes(1);
    cluster.change<Pod>(PODS, `${NAMESPACE}/p1`, (pod) =>
      withLabel(pod, 'pre-check.podopslifecycle.kusionstack.io/other', '9'),
    );
    replies = () => ({ success: false, message: 'not that' });
    await passes(1);
    expect(passedNow()).toEqual([]);
    expect(askedNames()).toHaveLength(2);
  });

  test('is asked only about Pods that pass the label checks, before they take a slot (H3)', async () => {
    const ready = aPod({ name: 'p9', preCheck: { op: '9' }, labels: { ready: 'true' } });
    replies = () => ({ success: false });
    given([...waitingPods(2), ready], maxUnavailable(1), aWebhook(), requiresLabel('ready'));
    const { passes } = anEngine();
    await passes(1);
    expect(askedNames()).toEqual([['p9']]);
    expect(stored()?.status?.details?.every(({ passedRules = [] }) => !passedRules.includes('max'))).toBe(true);
  });

  test('sends the values of its parameters, read from the whole Pod', async () => {
    const pod = { ...aPod({ name: 'p1', preCheck: { op: '1' } }), status: { podIP: '10.1.2.3' } };
    const parameters = [{ key: 'ip', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }];
    given([pod], aWebhook({ parameters }));
    await anEngine().passes(1);
    expect(approver.received[0]?.body).toMatchObject({ resources: [{ name: 'p1', parameters: { ip: '10.1.2.3' } }] });
  });

  test('writes nothing while it polls and nothing changes (H10)', async () => {
    replies = ({ method }) => (method === 'POST' ? { success: true, poll: true, taskId: 't' } : { success: true });
    given(waitingPods(2), aWebhook());
    const { passes } = anEngine();
    await passes(1);
    clock.advance(3000);
    await passes(1);
    const writes = cluster.writes.length;
    for (let polls = 0; polls < 3; polls++) {
      clock.advance(3000);
      await passes(1);
    }
    expect(approver.received).toHaveLength(5);
    expect(cluster.writes).toHaveLength(writes);
  });

  function edit(rules: TransitionRule[]): void {
    cluster.change<ReturnType<typeof aRule>>(POD_TRANSITION_RULES, KEY, (rule) => ({
      ...rule,
      metadata: { ...rule.metadata, generation: (rule.metadata.generation ?? 0) + 1 },
      spec: { ...rule.spec, rules },
    }));
  }
});

describe('failurePolicy', () => {
  const failing = (policy: 'Ignore' | 'Fail' | undefined, annotations: Record<string, string> = {}) => {
    replies = () => (response) => response.writeHead(500).end();
    for (const pod of waitingPods(1)) cluster.add(PODS, pod);
    const rule = aRule([aWebhook(policy ? { failurePolicy: policy } : {})]);
    cluster.add(POD_TRANSITION_RULES, { ...rule, metadata: { ...rule.metadata, annotations } });
  };
  const honored = { [HONOR_FAILURE_POLICY_ANNOTATION]: 'true' };

  test.each([
    'Ignore',
    'Fail',
    undefined,
  ] as const)('%s blocks when the webhook fails, as in the Go implementation', async (policy) => {
    failing(policy);
    await anEngine().passes(1);
    expect(passedNow()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test.each([
    { policy: 'Ignore' as const, passes: ['p1'] },
    { policy: undefined, passes: ['p1'] },
    { policy: 'Fail' as const, passes: [] },
  ])('$policy takes effect if the rule object asks for it', async ({ policy, passes }) => {
    failing(policy, honored);
    await anEngine().passes(1);
    expect(passedNow()).toEqual(passes);
    const warned = expect.stringMatching(
      /^WebhookIgnored: rule ask: its webhook failed, which is ignored: POST .* status 500/,
    );
    expect(warnings).toEqual(passes.length > 0 ? [warned] : []);
  });
});

describe('the rule states', () => {
  const webhook = (name: string): TransitionRule => ({
    name,
    webhook: { clientConfig: { url: 'http://127.0.0.1:1' } },
  });

  test('exist as soon as there is a question, sorted by rule (H10)', () => {
    const judged = afterPass(aRule([webhook('b'), webhook('a')]), waitingPods(2));
    expect(judged.status?.ruleStates?.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(passedIn(judged)).toEqual([]);
    // The second is asked once the first has approved.
    expect(judged.status?.ruleStates?.map(({ webhookStatus }) => webhookStatus?.taskStates?.length ?? 0)).toEqual([
      0, 1,
    ]);
  });

  test('of rules that are not evaluated are removed', () => {
    const judged = afterPass(aRule([webhook('a')]), waitingPods(1));
    const skipped = { ...EVERYTHING_EVALUATED, skippedKinds: new Set(['webhook'] as const) };
    expect(afterPass(judged, waitingPods(1), { settings: skipped }).status?.ruleStates).toBeUndefined();
  });

  test('gives no slot to a Pod that the webhook of another rule object has not approved (H4)', () => {
    const budget = aRule([maxUnavailable(1)], { name: 'z' });
    const asking = afterPass(aRule([webhook('ask')], { name: 'a' }), waitingPods(2));
    const judged = afterPass(budget, waitingPods(2), { rules: [budget, asking] });
    expect(passedIn(judged)).toEqual([]);
    expect(reasonIn(judged, 'p1')).toMatch(
      /^rule a\/ask: its webhook has not approved; no slot of rule \w+ meanwhile$/,
    );
    const webhooks = {
      ...UNANSWERED,
      outcomesFor: () => ({
        asked: () => ({
          running: false,
          last: { state: 'answered' as const, atMs: 0, answer: { finishedNames: ['p2'] } },
        }),
        polled: () => undefined,
      }),
    };
    const approved = afterPass(asking, waitingPods(2), { webhooks });
    expect(passedIn(afterPass(budget, waitingPods(2), { rules: [budget, approved] }))).toEqual(['p2']);
  });
});

function withLabel(pod: Pod, key: string, value: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [key]: value } } };
}
