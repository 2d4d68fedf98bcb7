import {
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  RULE_DETAIL_ANNOTATION_PREFIX,
  RULE_FINALIZER,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
} from '@kuperator/api';
import type { KuperatorEvent } from '@kuperator/events';
import { ConflictError, createLogger, createMetrics, sightOf } from '@kuperator/runtime';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  aPod,
  aRule,
  EVERYTHING_EVALUATED,
  maxUnavailable,
  NAMESPACE,
  UNANSWERED,
  waitingPods,
} from '../test/samples.ts';
import { ruleMetrics } from './metrics.ts';
import { ownWritesTo } from './own-writes.ts';
import { POD_INDEXES, trimPod } from './pod-cache.ts';
import { podTransitionRuleReconciler } from './reconcile.ts';

const KEY = `${NAMESPACE}/rule`;
const ANNOTATION = `${RULE_DETAIL_ANNOTATION_PREFIX}rule`;

let cluster: InMemoryCluster;
let clock: FakeClock;
let published: KuperatorEvent[];
let warnings: string[];

beforeEach(() => {
  clock = new FakeClock();
  cluster = new InMemoryCluster({ clock });
  published = [];
  warnings = [];
});

function anEngine() {
  const byNamespace = (object: PodTransitionRule) => [object.metadata.namespace ?? ''];
  const rules = cluster.informer(POD_TRANSITION_RULES, { indexes: { namespace: byNamespace } });
  const pods = cluster.informer(PODS, { indexes: POD_INDEXES, trim: trimPod });
  const ownWrites = ownWritesTo(rules);
  const metrics = createMetrics('test', { processMetrics: false });
  const reconcile = podTransitionRuleReconciler({
    rules,
    pods,
    sight: sightOf([rules, pods]),
    ownerKinds: [],
    client: cluster.client,
    ownWrites,
    events: { publish: (event) => published.push(event) },
    recorder: { warn: (_object, _reason, message) => warnings.push(message) },
    metrics: ruleMetrics(metrics),
    clock,
    settings: EVERYTHING_EVALUATED,
    webhooks: { outcomesFor: ({ rule }) => UNANSWERED.outcomesFor(rule), start: () => {}, retain: () => {} },
    newTraceId: () => 'trace',
  });
  const logger = createLogger({ app: 'test', level: 'silent' });
  const pass = () => reconcile(KEY, { logger, signal: new AbortController().signal });
  return { pass, pods, rules, metrics, ownWrites };
}

const stored = () => cluster.get(POD_TRANSITION_RULES, KEY);
const passedNow = () => (stored()?.status?.details ?? []).filter(({ passed }) => passed).map(({ name }) => name);
const changeLabels = (name: string, labels: Record<string, string | undefined>) =>
  cluster.change<Pod>(PODS, `${NAMESPACE}/${name}`, (pod) => ({
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: Object.fromEntries(
        Object.entries({ ...pod.metadata.labels, ...labels }).flatMap(([key, value]) => (value ? [[key, value]] : [])),
      ),
    },
  }));

function given(pods: readonly Pod[], rule: PodTransitionRule = aRule([maxUnavailable(1)])): void {
  for (const pod of pods) cluster.add(PODS, pod);
  cluster.add(POD_TRANSITION_RULES, rule);
}

describe('a pass', () => {
  test('whose status is too large to store lets no Pod pass and tells the user why', async () => {
    given(waitingPods(2));
    const engine = anEngine();
    const error = { status: 500, reason: 'InternalError', message: 'etcdserver: request is too large' };
    cluster.failWrite({ matching: ({ subresource }) => subresource === 'status', times: 100, error });
    await expect(engine.pass()).rejects.toThrow('request is too large');
    expect(passedNow()).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('larger than etcd stores (1.5 MiB)')]);
  });

  test('stores the verdicts of all waiting Pods in one write, then publishes them', async () => {
    given(waitingPods(3));
    await anEngine().pass();
    expect(cluster.writes).toHaveLength(2);
    expect(stored()?.metadata.finalizers).toEqual([RULE_FINALIZER]);
    expect(stored()?.status).toMatchObject({ observedGeneration: 1, targets: ['p1', 'p2', 'p3'] });
    expect(passedNow()).toEqual(['p1']);
    expect(published.map(({ event, name }) => [event, name])).toEqual([
      ['transition.decided', 'p1'],
      ['transition.decided', 'p2'],
      ['transition.decided', 'p3'],
      ['evaluated', 'rule'],
    ]);
    expect(published.at(-1)?.data).toMatchObject({
      uid: 'uid-rule',
      generation: 1,
      targets: 3,
      passed: 1,
      rejected: 2,
    });
    expect(published[0]?.data).toMatchObject({
      uid: 'uid-p1',
      rule: { name: 'rule', generation: 1 },
      stage: 'PreCheck',
      passed: true,
      operations: [{ id: 'op', since: '1000' }],
    });
  });

  test('lets no Pod pass while the caches may be stale, reports that, and continues by itself', async () => {
    given(waitingPods(2));
    const { pass, pods } = anEngine();
    pods.setCurrent(false);
    expect(await pass()).toEqual({ requeueAfterMs: 1000 });
    expect([passedNow(), warnings]).toEqual([[], []]);
    clock.advance(10_000);
    await pass();
    await pass();
    expect(passedNow()).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('cannot tell whether its cache of pods is current')]);
    pods.setCurrent(true);
    await pass();
    expect(passedNow()).toEqual(['p1']);
  });

  test('refuses even if the caches are stale, because only a pass can do harm', async () => {
    given(waitingPods(2), aRule([maxUnavailable(0)]));
    const { pass, pods } = anEngine();
    pods.setCurrent(false);
    await pass();
    expect(stored()?.status?.details).toMatchObject([{ passed: false }, { passed: false }]);
  });

  test('evaluates again if the comparison of the caches reveals a change', async () => {
    given(waitingPods(2));
    const { pass, pods } = anEngine();
    pods.pause();
    changeLabels('p2', { [SERVICE_AVAILABLE_LABEL]: undefined, [stageLabel('pre-check', 'op')]: undefined });
    let isCurrent = false;
    pods.isCurrent = () => isCurrent;
    pods.confirm = async () => {
      pods.resume();
      isCurrent = true;
      return true;
    };
    await pass();
    expect(passedNow()).toEqual([]);
  });

  test('right after another pass changes nothing (T23, H10)', async () => {
    given(waitingPods(3));
    const { pass } = anEngine();
    await pass();
    const writes = cluster.writes.length;
    await pass();
    expect(cluster.writes).toHaveLength(writes);
    expect(published).toHaveLength(4);
  });

  test('reads its own writes, even if the watch is late (T70)', async () => {
    given(waitingPods(2));
    const { pass, rules } = anEngine();
    rules.pause();
    await pass();
    const writes = cluster.writes.length;
    await pass();
    expect(cluster.writes).toHaveLength(writes);
  });

  test('that is based on an older status than the stored one is refused (T70)', async () => {
    given(waitingPods(2));
    const [slow, quick] = [anEngine(), anEngine()];
    slow.rules.pause();
    await quick.pass();
    await expect(slow.pass()).rejects.toBeInstanceOf(ConflictError);
    expect(passedNow()).toEqual(['p1']);
  });

  test('waits while its Pod cache is older than the verdicts of another engine (T70, H8)', async () => {
    given([aPod({ name: 'p1' }), aPod({ name: 'p2' })]);
    const [slow, quick] = [anEngine(), anEngine()];
    await quick.pass();
    slow.pods.pause();
    changeLabels('p1', { [stageLabel('pre-check', 'op')]: '1' });
    await quick.pass();
    expect(passedNow()).toEqual(['p1']);
    expect(await slow.pass()).toEqual({ requeueAfterMs: 20 });
    expect(passedNow()).toEqual(['p1']);
    slow.pods.resume();
    expect(await slow.pass()).toBeUndefined();
  });

  test('delays writes that no Pod waits for until a second after the last write', async () => {
    given(waitingPods(1));
    const { pass } = anEngine();
    await pass();
    clock.advance(300);
    cluster.add(PODS, aPod({ name: 'p2' }));
    const writes = cluster.writes.length;
    expect(await pass()).toEqual({ requeueAfterMs: 700 });
    expect(cluster.writes).toHaveLength(writes);
    clock.advance(700);
    expect(await pass()).toBeUndefined();
    expect(stored()?.status?.targets).toEqual(['p1', 'p2']);
  });

  test('of a slow rollout writes each verdict at once, and at most one more status for it', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
    given(names.map((name, index) => aPod({ name, preCheck: { op: String(1000 + index) } })));
    const { pass } = anEngine();
    await pass();
    const statusWrites = () => cluster.writes.filter(({ subresource }) => subresource === 'status').length;
    const before = statusWrites();
    let dueMs = Number.POSITIVE_INFINITY;
    const change = async (name: string, labels: Record<string, string | undefined>) => {
      changeLabels(name, labels);
      dueMs = clock.monotonic() + ((await pass())?.requeueAfterMs ?? Number.POSITIVE_INFINITY);
    };
    const elapse = async (ms: number) => {
      for (let at = 0; at < ms; at += 10) {
        clock.advance(10);
        if (clock.monotonic() >= dueMs)
          dueMs = clock.monotonic() + ((await pass())?.requeueAfterMs ?? Number.POSITIVE_INFINITY);
      }
    };
    for (const name of names) {
      expect(passedNow()).toEqual([name]);
      await elapse(40);
      await change(name, { [stageLabel('pre-check', 'op')]: undefined, [SERVICE_AVAILABLE_LABEL]: undefined });
      await elapse(3000);
      await change(name, { [stageLabel('post-check', 'op')]: '1' });
      await elapse(30);
      await change(name, { [stageLabel('post-check', 'op')]: undefined });
      await elapse(1000);
      await change(name, { [SERVICE_AVAILABLE_LABEL]: '1' });
    }
    expect((statusWrites() - before) / names.length).toBeLessThanOrEqual(2);
  });

  test('counts the Pods that wait', async () => {
    given(waitingPods(4));
    const { pass, metrics } = anEngine();
    await pass();
    expect(await metrics.registry.metrics()).toMatch(/waiting_pods\{.*namespace="shop",rule="rule".*\} 3/);
  });

  test('tells the user once what to correct in a rule (T73)', async () => {
    given(waitingPods(1), aRule([maxUnavailable('half')]));
    const { pass } = anEngine();
    await pass();
    clock.advance(5000);
    cluster.add(PODS, aPod({ name: 'p9', preCheck: { op: '1' } }));
    await pass();
    expect(warnings).toEqual([expect.stringContaining('rule max: availablePolicy maxUnavailableValue "half"')]);
  });

  test('writes nothing to a rule that was deleted meanwhile', async () => {
    given(waitingPods(1));
    const { pass, rules } = anEngine();
    rules.pause();
    cluster.remove(POD_TRANSITION_RULES, KEY);
    await expect(pass()).resolves.toBeUndefined();
    expect(published).toEqual([]);
  });
});

describe('a verdict shown on a Pod (T71)', () => {
  const shown = (name: string, labels: Record<string, string> = {}) =>
    aPod({ name, labels, annotations: { [ANNOTATION]: '{"stage":"PreCheck","passed":true}' } });
  const isShown = (name: string) =>
    ANNOTATION in (cluster.get(PODS, `${NAMESPACE}/${name}`)?.metadata.annotations ?? {});

  test('is removed when the rule no longer selects the Pod', async () => {
    given([shown('p1'), shown('p2', { app: 'other' })]);
    await anEngine().pass();
    expect([isShown('p1'), isShown('p2')]).toEqual([true, false]);
  });

  test('is removed from all Pods before a deleted rule is gone', async () => {
    given([shown('p1'), shown('p2', { app: 'other' }), aPod({ name: 'p3' })]);
    const { pass } = anEngine();
    await pass();
    await cluster.client.delete(POD_TRANSITION_RULES, { namespace: NAMESPACE, name: 'rule' });
    await pass();
    expect(stored()).toBeUndefined();
    expect([isShown('p1'), isShown('p2')]).toEqual([false, false]);
    await pass();
  });
});
