import {
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
} from '@kuperator/api';
import { operationsOf } from '@kuperator/lifecycle';
import { ConflictError, createLogger, SELECTING, selectingKeys } from '@kuperator/runtime';
import { aPod, aPodTransitionRule, FakeClock, FakeRecorder, type Given, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { refusedHolders } from './plan.ts';
import { PATIENCE_MS, slotReconciler } from './reconcile.ts';

const KEY = 'default/web';
const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };

/** A rule object that has given the Pod its slot, and one that refuses it. */
const holding = { passed: true, passedRules: ['max'] };
const refusing = { passed: false, rejectInfo: [{ ruleName: 'max', reason: 'no room' }] };

function ruleThat(name: string, verdict: object, since = '1000'): PodTransitionRule {
  return aPodTransitionRule({
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      rules: [{ name: 'max', availablePolicy: { maxUnavailableValue: 1 } }],
    },
    status: {
      observedGeneration: 1,
      details: [
        {
          name: 'web',
          uid: 'uid-web',
          stage: 'PreCheck',
          passed: false,
          operations: [{ id: 'op', since }],
          ...verdict,
        },
      ],
    },
  });
}

const waiting = {
  app: 'web',
  [SERVICE_AVAILABLE_LABEL]: '1',
  [stageLabel('operating', 'op')]: '1000',
  [stageLabel('operation-type', 'op')]: 'update',
  [stageLabel('pre-check', 'op')]: '1000',
};

function setup(rulesGiven: readonly PodTransitionRule[], pod: Given<Pod> = {}) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aPod({ ...pod, metadata: { name: 'web', uid: 'uid-web', labels: waiting, ...pod.metadata } }));
  for (const rule of rulesGiven) cluster.add(POD_TRANSITION_RULES, rule);
  const pods = cluster.informer(PODS);
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { [SELECTING]: (rule) => selectingKeys(rule, rule.spec.selector) },
  });
  const clock = new FakeClock();
  const recorder = new FakeRecorder();
  const reconcile = slotReconciler({ pods, rules, client: cluster.client, recorder, clock });
  return {
    cluster,
    pods,
    clock,
    recorder,
    pass: () => reconcile(KEY, context),
    pod: () => cluster.get(PODS, KEY) as Pod,
  };
}

const preCheck = (pod: Pod) => pod.metadata.labels?.[stageLabel('pre-check', 'op')];
const inVain = [ruleThat('a', holding), ruleThat('b', refusing)];

describe('a slot held in vain', () => {
  test('is given back after a while: the operation asks anew, and keeps its place in the queue', async () => {
    const { cluster, clock, recorder, pass, pod } = setup(inVain);
    expect(await pass()).toEqual({ requeueAfterMs: PATIENCE_MS });
    clock.advance(PATIENCE_MS - 1);
    expect(await pass()).toEqual({ requeueAfterMs: 1 });
    expect(cluster.writes).toEqual([]);
    clock.advance(1);
    await pass();
    expect(preCheck(pod())).toBe('1001');
    expect(operationsOf(pod())).toMatchObject([{ id: 'op', type: 'update', stage: 'PreCheck' }]);
    expect(recorder.events).toMatchObject([
      { reason: 'SlotGivenBack', message: expect.stringContaining('PodTransitionRule b') },
    ]);
    await pass();
    expect(cluster.writes).toHaveLength(1);
  });

  test('is not given back from a Pod that has been let go meanwhile', async () => {
    const { cluster, pods, clock, pass } = setup(inVain);
    await pass();
    clock.advance(PATIENCE_MS);
    pods.pause();
    cluster.change(PODS, KEY, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { ...waiting, granted: 'now' } },
    }));
    await expect(pass()).rejects.toBeInstanceOf(ConflictError);
  });

  test('counts from when it was refused: another run of the operation begins another while', async () => {
    const { cluster, clock, pass } = setup(inVain);
    await pass();
    clock.advance(PATIENCE_MS);
    const label = stageLabel('pre-check', 'op');
    cluster.change(PODS, KEY, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { ...waiting, [label]: '2000' } },
    }));
    for (const [name, verdict] of [
      ['a', holding],
      ['b', refusing],
    ] as const)
      cluster.change(
        POD_TRANSITION_RULES,
        `default/${name}`,
        (rule) => ({ ...rule, status: ruleThat(name, verdict, '2000').status }) as PodTransitionRule,
      );
    expect(await pass()).toEqual({ requeueAfterMs: PATIENCE_MS });
    expect(cluster.writes).toEqual([]);
  });

  test('by a Pod that its own rule object refuses now is one as well', async () => {
    const { clock, pass, pod } = setup([ruleThat('a', { ...refusing, passedRules: ['max'] })]);
    await pass();
    clock.advance(PATIENCE_MS);
    await pass();
    expect(preCheck(pod())).toBe('1001');
  });

  const { [SERVICE_AVAILABLE_LABEL]: _, ...down } = waiting;
  test.each([
    { name: 'both let it pass', rules: [ruleThat('a', holding), ruleThat('b', holding)], pod: {} },
    { name: 'both refuse it', rules: [ruleThat('a', refusing), ruleThat('b', refusing)], pod: {} },
    { name: 'the other has not decided on it', rules: [ruleThat('a', holding), ruleThat('b', refusing, '7')], pod: {} },
    { name: 'the slot was for another run', rules: [ruleThat('a', holding, '7'), ruleThat('b', refusing)], pod: {} },
    { name: 'the Pod is down anyhow', rules: inVain, pod: { metadata: { labels: down } } },
    {
      name: 'another operation of it has been let go',
      rules: inVain,
      pod: {
        metadata: {
          labels: {
            ...waiting,
            [stageLabel('operating', 'x')]: '1',
            [stageLabel('operation-type', 'x')]: 'y',
            [stageLabel('operate', 'x')]: '1',
          },
        },
      },
    },
    { name: 'the Pod is terminating', rules: inVain, pod: { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } } },
  ])('is none where $name', async ({ rules, pod }) => {
    const { clock, cluster, pass } = setup(rules, pod);
    expect(await pass()).toBeUndefined();
    clock.advance(PATIENCE_MS);
    expect(await pass()).toBeUndefined();
    expect(cluster.writes).toEqual([]);
  });
});

test('who may hold a slot in vain is looked for where a rule object has changed, whether it refuses or holds', () => {
  const [a, b] = inVain as [PodTransitionRule, PodTransitionRule];
  expect([...refusedHolders(b, [a, b])]).toEqual([KEY]);
  expect([...refusedHolders(a, [a, b])]).toEqual([KEY]);
  const labelled = ruleThat('a', { ...refusing, passedRules: ['labels'] });
  expect([...refusedHolders(b, [labelled, b])]).toEqual([]);
  const letting = ruleThat('c', { passed: true });
  expect([...refusedHolders(letting, [a, letting])]).toEqual([]);
});
