import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  conditionOf,
  EMPLOYER_ADAPTER_ANNOTATION,
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  SERVICES,
  stageLabel,
} from '@kuperator/api';
import { PROGRESSING } from '@kuperator/holders';
import { ARRIVAL_MS, beginOperation, operationsOf } from '@kuperator/lifecycle';
import { ConflictError, createLogger, SELECTING, selectingKeys, sightOf } from '@kuperator/runtime';
import {
  aCondition,
  aPod,
  aPodTransitionRule,
  aService,
  FakeClock,
  FakeRecorder,
  InMemoryCluster,
} from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { podReconciler } from './reconcile.ts';

const KEY = 'default/a';
const START_NANOS = `${BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n}`;
const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };

function setup(pod: Parameters<typeof aPod>[0] = {}) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aPod({ ...pod, metadata: { name: 'a', ...pod.metadata }, spec: ON_NODE }));
  const pods = cluster.informer(PODS);
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { [SELECTING]: (rule) => selectingKeys(rule, rule.spec.selector) },
  });
  const services = cluster.informer(SERVICES, {
    indexes: { [SELECTING]: (service) => selectingKeys(service, { matchLabels: service.spec.selector ?? {} }) },
  });
  const { client } = cluster;
  const clock = new FakeClock();
  const recorder = new FakeRecorder();
  const metrics = { wrote: () => {} };
  const patience = { graceMs: 10_000, deadlineMs: 600_000 };
  const reconcile = podReconciler({
    pods,
    rules,
    services,
    sight: sightOf([rules, services]),
    client,
    clock,
    recorder,
    metrics,
    patience,
    isRunning: () => undefined,
    seen: new Map(),
  });
  const pass = () => reconcile(KEY, context);
  return { cluster, pods, rules, services, clock, recorder, pass, pod: () => cluster.get(PODS, KEY) as Pod };
}

const ON_NODE = { readinessGates: [{ conditionType: SERVICE_READY_GATE }], nodeName: 'n' };
const open = [aCondition('Ready', true), aCondition(SERVICE_READY_GATE, true)];
const serving = { metadata: { labels: { [SERVICE_AVAILABLE_LABEL]: '1', app: 'web' } }, status: { conditions: open } };

function begin(cluster: InMemoryCluster): void {
  cluster.change(PODS, KEY, (pod) => {
    const labels = beginOperation(pod, { id: 'c', type: 'update', nanos: START_NANOS });
    return {
      ...pod,
      metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...labels } as Record<string, string> },
    };
  });
}

describe('podReconciler', () => {
  test('grants an operation and closes the gate in one write, and then has nothing to do', async () => {
    const { cluster, pass, pod } = setup(serving);
    begin(cluster);
    await pass();
    await pass();
    expect(cluster.writes).toHaveLength(1);
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'Operate' }]);
    expect(pod().status?.conditions).toContainEqual(
      expect.objectContaining({ type: SERVICE_READY_GATE, status: 'False' }),
    );
    expect(pod().status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  });

  test.each([
    'rules',
    'services',
  ] as const)('grants nothing while its cache of %s may be old, says so on the Pod, and goes on by itself', async (kind) => {
    const world = setup(serving);
    const { cluster, clock, pass, pod } = world;
    begin(cluster);
    world[kind].setCurrent(false);
    expect(await pass()).toEqual({ requeueAfterMs: 1000 });
    expect(cluster.writes).toEqual([]);
    clock.advance(10_000);
    await pass();
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'PreCheck' }]);
    const condition = conditionOf(pod(), PROGRESSING);
    expect(condition).toMatchObject({ status: 'True', reason: 'WaitingForApiServer' });
    const plural = kind === 'rules' ? 'podtransitionrules' : 'services';
    expect(condition?.message).toContain(`cannot tell whether its cache of ${plural} is current`);
    world[kind].setCurrent(true);
    await pass();
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'Operate' }]);
    expect(conditionOf(pod(), PROGRESSING)).toBeUndefined();
  });

  test('a rule that comes to light while the caches are compared holds the operation', async () => {
    const { cluster, rules, pass, pod } = setup(serving);
    begin(cluster);
    rules.pause();
    const selector = { matchLabels: { app: 'web' } };
    const spec = { selector, rules: [{ name: 'b', availablePolicy: { maxUnavailableValue: 1 } }] };
    cluster.add(POD_TRANSITION_RULES, aPodTransitionRule({ metadata: { name: 'r' }, spec }));
    rules.setCurrent(false);
    rules.confirm = async () => {
      rules.resume();
      return true;
    };
    await pass();
    expect(cluster.writes).toEqual([]);
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'PreCheck' }]);
  });

  test('what asks for no permission does not wait for current caches', async () => {
    const { cluster, rules, pass, pod } = setup({
      metadata: { labels: { app: 'web' } },
      status: { conditions: [aCondition('Ready', true)] },
    });
    rules.setCurrent(false);
    await pass();
    expect(cluster.writes).toHaveLength(1);
    expect(conditionOf(pod(), SERVICE_READY_GATE)).toMatchObject({ status: 'True' });
  });

  test('waits for a rule that selects the Pod, and writes nothing meanwhile (T21, T23)', async () => {
    const { cluster, pass, pod } = setup(serving);
    cluster.add(
      POD_TRANSITION_RULES,
      aPodTransitionRule({
        metadata: { name: 'r' },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          rules: [{ name: 'b', availablePolicy: { maxUnavailableValue: 1 } }],
        },
      }),
    );
    begin(cluster);
    await pass();
    expect(cluster.writes).toEqual([]);
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'PreCheck' }]);
  });

  test('lets no operation begin its drain before the adapter of a Service has announced itself on the Pod', async () => {
    const { cluster, pass, pod } = setup(serving);
    const annotations = { [EMPLOYER_ADAPTER_ANNOTATION]: 'endpointslice-adapter' };
    cluster.add(SERVICES, aService({ metadata: { name: 'web', annotations }, spec: { selector: { app: 'web' } } }));
    begin(cluster);
    await pass();
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'PreCheck' }]);
    const finalizer = 'prot.podopslifecycle.kusionstack.io/x';
    cluster.change(PODS, KEY, (seen) => {
      const conditions = `{"expectedFinalizers":{"Service/default/web":"${finalizer}"}}`;
      const metadata = { ...seen.metadata, annotations: { 'pod.kusionstack.io/available-conditions': conditions } };
      return { ...seen, metadata: { ...metadata, finalizers: [finalizer] } };
    });
    await pass();
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'Preparing' }]);
  });

  describe('begun when traffic has come back, before its adapter has seen it', () => {
    const finalizer = 'prot.podopslifecycle.kusionstack.io/x';
    function returning() {
      const all = setup({
        ...serving,
        metadata: {
          ...serving.metadata,
          annotations: {
            [AVAILABLE_CONDITIONS_ANNOTATION]: `{"expectedFinalizers":{"Service/default/web":"${finalizer}"}}`,
          },
        },
        status: {
          conditions: open.map((condition) => ({
            ...condition,
            lastTransitionTime: new Date(Date.UTC(2026, 0, 1)).toISOString(),
          })),
        },
      });
      const annotations = { [EMPLOYER_ADAPTER_ANNOTATION]: 'endpointslice-adapter' };
      all.cluster.add(
        SERVICES,
        aService({ metadata: { name: 'web', annotations }, spec: { selector: { app: 'web' } } }),
      );
      begin(all.cluster);
      return all;
    }

    test('an operation waits for the finalizer, writing nothing, and is then drained', async () => {
      const { cluster, pass, pod } = returning();
      expect(await pass()).toEqual({ requeueAfterMs: ARRIVAL_MS });
      expect(cluster.writes).toEqual([]);
      cluster.change(PODS, KEY, (seen) => ({ ...seen, metadata: { ...seen.metadata, finalizers: [finalizer] } }));
      await pass();
      expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'Preparing' }]);
      expect(cluster.writes).toHaveLength(1);
    });

    test('an operation whose adapter never sees traffic has the adapter asked, in the write that closes the gate', async () => {
      const { cluster, clock, pass, pod } = returning();
      await pass();
      clock.advance(ARRIVAL_MS);
      await pass();
      await pass();
      expect(cluster.writes).toHaveLength(1);
      expect(pod().metadata.finalizers).toEqual([finalizer]);
      expect(conditionOf(pod(), SERVICE_READY_GATE)?.status).toBe('False');
      expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'Preparing' }]);
    });

    test('an operation says for what it waits, should it last', async () => {
      const { cluster, clock, pass, pod } = returning();
      // The kubelet has just said so again, so the wait begins anew.
      clock.advance(ARRIVAL_MS);
      cluster.change(PODS, KEY, (seen) => ({
        ...seen,
        status: {
          conditions: open.map((each) => ({ ...each, lastTransitionTime: new Date(clock.now()).toISOString() })),
        },
      }));
      await pass();
      expect(conditionOf(pod(), PROGRESSING)).toMatchObject({
        reason: 'WaitingForTraffic',
        message: expect.stringContaining('update c: traffic is still coming on: Service/default/web'),
      });
    });
  });

  test('does not act on a stale cache: the write is refused and tried again by the queue', async () => {
    const { cluster, pods, pass, pod } = setup(serving);
    begin(cluster);
    pods.pause();
    cluster.change(PODS, KEY, (seen) => ({ ...seen, metadata: { ...seen.metadata, labels: { app: 'web' } } }));
    await expect(pass()).rejects.toBeInstanceOf(ConflictError);
    pods.resume();
    expect(pod().metadata.labels).toEqual({ app: 'web' });
  });

  test.each([
    { name: 'is on its way out (T18)', metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] } },
    { name: 'lost the control label (T24)', metadata: { labels: { 'kusionstack.io/control': 'false' } } },
  ])('leaves a Pod alone that $name', async ({ metadata }) => {
    const { cluster, pass } = setup({
      metadata: { ...metadata, labels: { [stageLabel('operating', 'c')]: '1', ...metadata.labels } },
    });
    await pass();
    expect(cluster.writes).toEqual([]);
  });

  test('takes a Pod that is gone by the time of the write for gone', async () => {
    const { cluster, pods, pass } = setup(serving);
    begin(cluster);
    pods.pause();
    cluster.remove(PODS, KEY);
    await pass();
    expect(pods.get(KEY)).toBeUndefined();
  });

  test.each([
    { name: 'before it took effect', takesEffect: false },
    { name: 'after it took effect', takesEffect: true },
  ])('converges when the connection is cut $name', async ({ takesEffect }) => {
    const { cluster, pass, pod } = setup(serving);
    begin(cluster);
    cluster.failWrite({ error: 'connection', takesEffect });
    await expect(pass()).rejects.toThrow();
    await pass();
    expect(operationsOf(pod())).toMatchObject([{ id: 'c', stage: 'Operate' }]);
  });

  describe('while an operation waits', () => {
    function held() {
      const all = setup(serving);
      const spec = {
        selector: { matchLabels: { app: 'web' } },
        rules: [{ name: 'b', availablePolicy: { maxUnavailableValue: 1 } }],
      };
      all.cluster.add(POD_TRANSITION_RULES, aPodTransitionRule({ metadata: { name: 'r' }, spec }));
      begin(all.cluster);
      return all;
    }
    const told = (pod: Pod) => conditionOf(pod, PROGRESSING);

    test('writes once why, and tells it once, however many passes there are', async () => {
      const { cluster, clock, recorder, pass, pod } = held();
      expect(await pass()).toEqual({ requeueAfterMs: 10_000 });
      clock.advance(10_000);
      await pass();
      clock.advance(5000);
      expect(await pass()).toEqual({ requeueAfterMs: 585_000 });
      expect(cluster.writes).toHaveLength(1);
      expect(told(pod())).toMatchObject({ status: 'True', reason: 'WaitingForEngine' });
      expect(conditionOf(pod(), 'Ready')?.status).toBe('True');
      expect(recorder.events).toMatchObject([{ type: 'Normal', key: KEY, reason: 'WaitingForEngine' }]);
    });

    test('reports it as stalled after the deadline', async () => {
      const { cluster, clock, recorder, pass, pod } = held();
      clock.advance(600_000);
      await pass();
      await pass();
      expect(cluster.writes).toHaveLength(1);
      expect(told(pod())).toMatchObject({ status: 'False', reason: 'Stalled' });
      expect(recorder.events).toMatchObject([{ type: 'Warning', reason: 'Stalled' }]);
    });

    test('takes the explanation away with the write that lets it go on', async () => {
      const { cluster, clock, pass, pod } = held();
      clock.advance(10_000);
      await pass();
      cluster.remove(POD_TRANSITION_RULES, 'default/r');
      await pass();
      expect(cluster.writes).toHaveLength(2);
      expect(operationsOf(pod())).toMatchObject([{ stage: 'Operate' }]);
      expect(told(pod())).toBeUndefined();
    });
  });
});
