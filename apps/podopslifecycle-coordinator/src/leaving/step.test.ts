import { CLUSTER_NEEDS_ANNOTATION, PODS, type Pod, PREPARING_TO_DELETE_LABEL, TO_DELETE_LABEL } from '@kuperator/api';
import { operationsOf } from '@kuperator/lifecycle';
import { ConflictError, createLogger, objectWriter } from '@kuperator/runtime';
import { FakeClock, FakeRecorder, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { aServingPod, begun, granted, NOW_MS, nanosAt } from '../test/leaving-pods.ts';
import { leavingStep } from './step.ts';

const KEY = 'default/web';
const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };

function setup(labels: Record<string, string>, annotations: Record<string, string> = {}) {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aServingPod({ metadata: { labels, annotations } }));
  const pods = cluster.informer(PODS);
  const clock = new FakeClock();
  const recorder = new FakeRecorder();
  const metrics = { stepped: () => {} };
  const { client } = cluster;
  const reconcile = leavingStep({
    pods,
    writer: objectWriter({ client, resource: PODS, cache: pods }),
    recorder,
    metrics,
    clock,
    limits: { clusterNeedsMs: 60_000, evictionMs: 120_000 },
  });
  return { cluster, pods, recorder, pass: () => reconcile(KEY, context), pod: () => cluster.get(PODS, KEY) as Pod };
}

const mark = { [TO_DELETE_LABEL]: '1' };

test('begins the operation of a marked Pod once', async () => {
  const { cluster, pass, pod } = setup(mark);
  await pass();
  await pass();
  expect(cluster.writes).toHaveLength(1);
  expect(operationsOf(pod())).toMatchObject([{ id: 'pod-delete', type: 'delete', stage: 'PreCheck' }]);
  expect(pod().metadata.labels).toHaveProperty([PREPARING_TO_DELETE_LABEL]);
});

test('deletes a permitted Pod only in the state that it was seen in', async () => {
  const { cluster, recorder, pass, pod } = setup({ ...mark, ...granted('pod-delete', 'delete') });
  const { uid, resourceVersion } = pod().metadata;
  await pass();
  expect(cluster.writes).toMatchObject([{ verb: 'delete', body: { preconditions: { uid, resourceVersion } } }]);
  expect(recorder.events).toMatchObject([{ reason: 'PodDeletion', message: 'Deleted pod' }]);
});

test('keeps the Pod if its mark is removed at the last moment', async () => {
  const { cluster, pods, pass, pod } = setup({ ...mark, ...granted('pod-delete', 'delete') });
  pods.pause();
  const { [TO_DELETE_LABEL]: _, ...labels } = pod().metadata.labels ?? {};
  cluster.change(PODS, KEY, (seen) => ({ ...seen, metadata: { ...seen.metadata, labels } }));
  await expect(pass()).rejects.toBeInstanceOf(ConflictError);
  pods.resume();
  await pass();
  expect(operationsOf(pod())).toEqual([]);
  expect(pod().metadata.labels).not.toHaveProperty([PREPARING_TO_DELETE_LABEL]);
});

test('keeps the label preparing-to-delete while another operation may need it', async () => {
  const { pass, pod } = setup({ ...begun('pod-delete'), ...granted('collaset', 'scale-in') });
  await pass();
  expect(operationsOf(pod())).toMatchObject([{ id: 'collaset' }]);
  expect(pod().metadata.labels).toHaveProperty([PREPARING_TO_DELETE_LABEL]);
});

test('deletes a Pod after the cluster has waited long enough for it, and records a warning', async () => {
  const needed = { [CLUSTER_NEEDS_ANNOTATION]: nanosAt(NOW_MS - 60_000) };
  const { cluster, recorder, pass } = setup({ ...mark, ...begun('pod-delete') }, needed);
  await pass();
  expect(cluster.writes).toMatchObject([{ verb: 'delete' }]);
  expect(recorder.events).toMatchObject([
    {
      type: 'Warning',
      reason: 'PodDeletion',
      message: expect.stringContaining('the cluster has needed its place since 2025'),
    },
  ]);
});
