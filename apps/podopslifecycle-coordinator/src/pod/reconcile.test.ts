import {
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  stageLabel,
} from '@kuperator/api';
import { beginOperation, operationsOf } from '@kuperator/lifecycle';
import { ConflictError, createLogger, systemClock } from '@kuperator/runtime';
import { aCondition, aPod, aPodTransitionRule, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { podReconciler } from './reconcile.ts';

const KEY = 'default/a';
const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };

function setup(pod: Parameters<typeof aPod>[0] = {}) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aPod({ ...pod, metadata: { name: 'a', ...pod.metadata }, spec: GATED }));
  const pods = cluster.informer(PODS);
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { namespace: (rule) => [rule.metadata.namespace ?? ''] },
  });
  const { client } = cluster;
  const reconcile = podReconciler({ pods, rules, client, clock: systemClock, metrics: { wrote: () => {} } });
  return { cluster, pods, pass: () => reconcile(KEY, context), pod: () => cluster.get(PODS, KEY) as Pod };
}

const GATED = { readinessGates: [{ conditionType: SERVICE_READY_GATE }] };
const open = [aCondition('Ready', true), aCondition(SERVICE_READY_GATE, true)];
const serving = { metadata: { labels: { [SERVICE_AVAILABLE_LABEL]: '1', app: 'web' } }, status: { conditions: open } };

function begin(cluster: InMemoryCluster): void {
  cluster.change(PODS, KEY, (pod) => {
    const labels = beginOperation(pod, { id: 'c', type: 'update', nanos: '5' });
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
});
