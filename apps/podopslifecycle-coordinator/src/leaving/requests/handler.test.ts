import {
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  type ObjectMeta,
  POD_TRANSITION_RULES,
  PODS,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { objectWriter } from '@kuperator/runtime';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { NAMESPACES, POD_DISRUPTION_BUDGETS } from '../../resources.ts';
import { aServingPod, begun, granted, nanosAt } from '../../test/leaving-pods.ts';
import { type AdmissionRequest, requestIn, reviewOf } from '../../webhook/review.ts';
import type { Departure } from '../request-notes.ts';
import { leaveHandler } from './handler.ts';
import { HeldRequests } from './held-requests.ts';

const KEY = 'default/web';

const PROGRAM = { username: 'system:serviceaccount:kube-system:replicaset-controller' };
const held = (ms: number) => ({ ...begun('pod-delete', ms), [TO_DELETE_LABEL]: nanosAt(ms) });
const markedIn = ({ labels, namespace = '' }: ObjectMeta) =>
  labels?.[TO_DELETE_LABEL] === undefined ? [] : [namespace];

type World = { readonly namespaceEnds?: boolean; readonly isThere?: boolean; readonly holdMs?: number };

function setup({ namespaceEnds = false, isThere = true, holdMs = 0 }: World = {}) {
  const cluster = new InMemoryCluster();
  const deletionTimestamp = namespaceEnds ? { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] } : {};
  cluster.add(NAMESPACES, { metadata: { name: 'default', ...deletionTimestamp } });
  if (isThere) cluster.add(PODS, aServingPod());
  const pods = cluster.informer(PODS, { indexes: { marked: ({ metadata }) => markedIn(metadata) } });
  const clock = new FakeClock();
  const handle = leaveHandler({
    pods,
    isRunning: () => undefined,
    rules: cluster.informer(POD_TRANSITION_RULES, { indexes: { namespace: () => [] } }),
    client: cluster.client,
    metrics: { answered: () => {} },
    clock,
    writer: objectWriter({ client: cluster.client, resource: PODS, cache: pods }),
    heldRequests: new HeldRequests({ pods, clock, limit: 10 }),
    holdMs,
    clusterNeedsMs: 60_000,
  });
  const answer = (departure: Departure, request: AdmissionRequest, timeoutMs?: number) =>
    handle(departure, request, { timeoutMs, signal: new AbortController().signal });
  const request = {
    uid: '1',
    name: 'web',
    namespace: 'default',
    operation: 'DELETE',
    oldObject: cluster.get(PODS, KEY),
  };
  return { cluster, pods, clock, answer, request };
}

describe('while the Pod cache may be old', () => {
  const evict = { uid: '1', name: 'web', namespace: 'default', operation: 'CREATE' };

  test('an eviction is answered from the Pod as the API server has it', async () => {
    const { cluster, pods, answer } = setup({ isThere: false });
    pods.pause();
    pods.setCurrent(false);
    cluster.add(PODS, aServingPod());
    expect(await answer('evict', evict)).toMatchObject({ allowed: false });
    expect(cluster.get(PODS, KEY)?.metadata.annotations).toHaveProperty([EVICTION_REQUESTED_ANNOTATION]);
  });
});

describe('a review', () => {
  test('that shows an old version of the Pod is answered from the present one', async () => {
    const { cluster, answer, request } = setup();
    const permitted = granted('pod-delete', 'delete');
    cluster.change(PODS, KEY, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...permitted } },
    }));
    expect(await answer('delete', request)).toMatchObject({ allowed: true });
    expect(cluster.writes).toEqual([]);
  });

  test('of a Pod that has been replaced or is gone writes nothing', async () => {
    const { cluster, answer, request } = setup();
    cluster.remove(PODS, KEY);
    cluster.add(PODS, aServingPod({ metadata: { uid: 'another' } }));
    expect(await answer('delete', request)).toMatchObject({ allowed: true });
    cluster.remove(PODS, KEY);
    expect(await answer('delete', request)).toMatchObject({ allowed: true });
    expect(cluster.writes).toEqual([]);
  });

  test('of a version that was never written is refused without a write', async () => {
    const { cluster, answer, request } = setup();
    const pod = aServingPod();
    const forged = { ...pod, metadata: { ...pod.metadata, resourceVersion: '999999' } };
    expect(await answer('delete', { ...request, oldObject: forged })).toMatchObject({ allowed: false });
    expect(cluster.writes).toEqual([]);
  });

  test('that falsely shows the Pod as controlled is not believed', async () => {
    const { cluster, answer, request } = setup();
    cluster.change(PODS, KEY, (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } }));
    const { labels } = aServingPod().metadata;
    const now = cluster.get(PODS, KEY);
    const forged = { ...now, metadata: { ...now?.metadata, labels } };
    for (const oldObject of [forged, request.oldObject]) {
      expect(await answer('delete', { ...request, oldObject })).toMatchObject({ allowed: true });
    }
    expect(await answer('evict', { ...request, operation: 'CREATE' })).toMatchObject({ allowed: true });
    expect(cluster.get(PODS, KEY)?.metadata).toMatchObject({ labels: { app: 'web' } });
    expect(cluster.writes).toEqual([]);
  });

  test('that names another Pod than the one it contains is refused without a write', async () => {
    const { cluster, answer, request } = setup();
    for (const other of [{ name: 'other' }, { namespace: 'other' }]) {
      expect(await answer('delete', { ...request, ...other })).toMatchObject({ allowed: false });
    }
    expect(cluster.writes).toEqual([]);
  });

  test.each([
    'delete',
    'evict',
  ] as const)('to %s writes with the uid and the version it has read', async (departure) => {
    const { cluster, answer, request } = setup();
    const { uid, resourceVersion } = cluster.get(PODS, KEY)?.metadata ?? {};
    await answer(departure, request);
    expect(cluster.writes.map(({ body }) => body)).toMatchObject([{ metadata: { uid, resourceVersion } }]);
  });
});

describe('a deletion', () => {
  test('is refused after one write that begins its operation', async () => {
    const { cluster, answer, request } = setup();
    expect(await answer('delete', request)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(cluster.writes).toHaveLength(1);
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
  });

  test('changes nothing in a dry run (T97)', async () => {
    const { cluster, answer, request } = setup();
    expect(await answer('delete', { ...request, dryRun: true })).toMatchObject({ allowed: true });
    expect(cluster.writes).toEqual([]);
  });

  test('is allowed at once in a namespace that is being deleted', async () => {
    const { cluster, answer, request } = setup({ namespaceEnds: true });
    expect(await answer('delete', request)).toMatchObject({ allowed: true });
    expect(cluster.writes).toEqual([]);
  });

  test('finds a Pod that has just changed, although the cache does not show the change yet', async () => {
    const { cluster, pods, answer, request } = setup();
    pods.pause();
    cluster.change(PODS, KEY, (pod) => ({ ...pod, status: { ...pod.status, podIP: '10.0.0.2' } }));
    expect(await answer('delete', request)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
  });

  test('of a Pod that keeps changing is to be repeated', async () => {
    const { cluster, answer, request } = setup();
    cluster.failWrite({ times: 100, error: { status: 409, reason: 'Conflict' } });
    expect(await answer('delete', request)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(await answer('delete', { ...request, userInfo: PROGRAM })).not.toHaveProperty('retryAfterSeconds');
  });

  test('by a program is answered at once, and the drain still begins', async () => {
    const { cluster, answer, request } = setup({ holdMs: 5000 });
    const verdict = await answer('delete', { ...request, userInfo: PROGRAM });
    expect(verdict).toMatchObject({ allowed: false, retryAfterSeconds: undefined });
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
    expect(cluster.get(PODS, KEY)?.metadata.annotations ?? {}).not.toHaveProperty([DELETION_REQUESTED_ANNOTATION]);
  });

  test('for preemption is answered as if the Pod was gone, because a scheduler would otherwise retry without a pause', async () => {
    const { cluster, answer, request } = setup({ holdMs: 5000 });
    const verdict = await answer('delete', { ...request, userInfo: { username: 'system:kube-scheduler' } });
    expect(verdict).toMatchObject({ allowed: false, passOver: true });
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
  });

  test('is not held twice when the API server repeats it because the Pod has changed', async () => {
    const { cluster, clock, answer, request } = setup({ holdMs: 5000 });
    const first = answer('delete', request, 10_000);
    await clock.advanceAsync(5000);
    expect(await first).toMatchObject({ allowed: false, retryAfterSeconds: 3 });
    const second = await answer('delete', { ...request, oldObject: cluster.get(PODS, KEY) }, 10_000);
    expect(second).toMatchObject({ allowed: false, retryAfterSeconds: 3 });
  });

  test('is answered sooner after another Pod has waited in vain for the same holder', async () => {
    const { cluster, clock, answer, request } = setup({ holdMs: 5000 });
    const minuteAgo = clock.now() - 60_000;
    cluster.add(PODS, aServingPod({ metadata: { name: 'other', uid: 'other', labels: held(minuteAgo) } }));
    const answered = answer('delete', request, 10_000);
    await clock.advanceAsync(1000);
    expect(await answered).toMatchObject({ allowed: false, retryAfterSeconds: undefined });
  });

  test('is left to the failure policy if the Pod cannot be written', async () => {
    const { cluster, answer, request } = setup();
    cluster.failWrite({ error: { status: 403, reason: 'Forbidden' } });
    await expect(answer('delete', request)).rejects.toThrow('Forbidden');
  });
});

/** What the owner of the Pod's shard does, which may be another replica. */
function permit(cluster: InMemoryCluster, id: string): void {
  cluster.change(PODS, KEY, (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...granted(id, 'delete') } },
  }));
}

describe('a deletion that is held', () => {
  test('is allowed as soon as its Pod may leave, whichever replica drained it', async () => {
    const { cluster, clock, answer, request } = setup({ holdMs: 5000 });
    const answered = answer('delete', request, 10_000);
    await clock.advanceAsync(4900);
    permit(cluster, 'pod-delete');
    expect(await answered).toEqual({ allowed: true });
  });

  test.each([
    { name: 'after the hold time', timeoutMs: 10_000, afterMs: 5000 },
    { name: 'before the timeout of the API server', timeoutMs: 4000, afterMs: 2000 },
    { name: 'at once if the API server has no time left', timeoutMs: 2000, afterMs: 0 },
  ])('is refused $name', async ({ timeoutMs, afterMs }) => {
    const { clock, answer, request } = setup({ holdMs: 5000 });
    let isAnswered = false;
    const answered = answer('delete', request, timeoutMs).finally(() => {
      isAnswered = true;
    });
    await clock.advanceAsync(Math.max(0, afterMs - 1));
    expect(isAnswered).toBe(afterMs === 0);
    await clock.advanceAsync(1);
    expect(await answered).toMatchObject({ allowed: false, message: expect.stringContaining('PreCheck') });
  });

  test('is decided from the present Pod if the Pod was written meanwhile', async () => {
    const { cluster, clock, answer, request } = setup({ holdMs: 5000 });
    cluster.change(PODS, KEY, (pod) => ({ ...pod, status: { ...pod.status, podIP: '10.0.0.2' } }));
    const answered = answer('delete', request);
    await clock.advanceAsync(0);
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
    permit(cluster, 'pod-delete');
    expect(await answered).toEqual({ allowed: true });
  });
});

describe('a collection', () => {
  const collected = (request: AdmissionRequest): AdmissionRequest => ({ ...request, name: '' });

  test('is passed over with its Pod marked, and the client is not expected back', async () => {
    const { cluster, answer, request } = setup({ holdMs: 5000 });
    expect(await answer('delete', collected(request))).toMatchObject({ allowed: false, passOver: true });
    const { labels, annotations } = cluster.get(PODS, KEY)?.metadata ?? {};
    expect(labels).toHaveProperty([TO_DELETE_LABEL]);
    expect(annotations ?? {}).not.toHaveProperty([DELETION_REQUESTED_ANNOTATION]);
  });

  test('that is too large for one request ends in time for the client to send another', async () => {
    const { cluster, answer, request } = setup();
    expect(await answer('delete', collected(request), 2000)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
  });

  test('never skips a Pod that could not be marked', async () => {
    const { cluster, answer, request } = setup();
    cluster.failWrite({ times: 100, error: { status: 409, reason: 'Conflict' } });
    const verdict = await answer('delete', collected(request));
    expect(verdict).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
  });

  test('whose client sends delete options is left to that client', async () => {
    const { answer, request } = setup();
    const options = { kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    expect(await answer('delete', { ...collected(request), options })).toMatchObject({ retryAfterSeconds: 1 });
  });

  test('of Pods that may leave is allowed', async () => {
    const { cluster, answer, request } = setup();
    permit(cluster, 'pod-delete');
    expect(await answer('delete', { ...collected(request), oldObject: cluster.get(PODS, KEY) })).toEqual({
      allowed: true,
    });
  });
});

describe('an eviction', () => {
  test('is allowed once its Pod may leave', async () => {
    const { cluster, clock, answer, request } = setup({ holdMs: 5000 });
    const { oldObject: _, ...eviction } = request;
    const answered = answer('evict', eviction);
    await clock.advanceAsync(0);
    expect(cluster.get(PODS, KEY)?.metadata.annotations).toHaveProperty([EVICTION_REQUESTED_ANNOTATION]);
    permit(cluster, 'pod-evict');
    expect(await answered).toEqual({ allowed: true });
  });

  test('is not allowed because of a stale cache', async () => {
    const { cluster, pods, answer, request } = setup();
    permit(cluster, 'pod-evict');
    pods.pause();
    cluster.change(PODS, KEY, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: aServingPod().metadata.labels ?? {} },
    }));
    const { oldObject: _, ...eviction } = request;
    expect(await answer('evict', eviction)).toMatchObject({ allowed: false });
  });

  test('names the PodDisruptionBudget that holds it, and none if there is none', async () => {
    const { cluster, answer, request } = setup();
    const { oldObject: _, ...eviction } = request;
    expect(await answer('evict', eviction)).not.toMatchObject({ message: expect.stringContaining('Budget') });
    cluster.add(POD_DISRUPTION_BUDGETS, {
      metadata: { name: 'web-budget', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } } },
      status: { observedGeneration: 1, currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 },
    });
    expect(await answer('evict', eviction)).toMatchObject({
      retryAfterSeconds: undefined,
      message: expect.stringContaining('waits for PodDisruptionBudget web-budget'),
    });
  });

  test('is recorded on the Pod that the cache shows', async () => {
    const { cluster, answer, request } = setup();
    const { oldObject: _, ...eviction } = request;
    expect(await answer('evict', eviction)).toMatchObject({ allowed: false });
    expect(cluster.get(PODS, KEY)?.metadata.annotations).toHaveProperty([EVICTION_REQUESTED_ANNOTATION]);
  });

  test('of a Pod that is not controlled is allowed', async () => {
    const { answer, request } = setup({ isThere: false });
    expect(await answer('evict', request)).toEqual({ allowed: true });
  });
});

test('a refusal with a time has the form after which clients retry by themselves', () => {
  const request = requestIn(JSON.stringify({ kind: 'AdmissionReview', request: { uid: '1', operation: 'DELETE' } }));
  expect(reviewOf(request, { allowed: false, message: 'wait', retryAfterSeconds: 3 })).toMatchObject({
    kind: 'AdmissionReview',
    response: { uid: '1', allowed: false, status: { code: 429, message: 'wait', details: { retryAfterSeconds: 3 } } },
  });
  expect(() => requestIn('{}')).toThrow();
});

test('a final refusal has no time', () => {
  const request = requestIn(JSON.stringify({ kind: 'AdmissionReview', request: { uid: '1', operation: 'DELETE' } }));
  expect(reviewOf(request, { allowed: false, message: 'wait' })).toEqual({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: '1', allowed: false, status: { code: 429, reason: 'TooManyRequests', message: 'wait' } },
  });
});

test('a Pod of a collection is refused in the form after which the API server goes on', () => {
  const request = requestIn(JSON.stringify({ kind: 'AdmissionReview', request: { uid: '1', operation: 'DELETE' } }));
  expect(reviewOf(request, { allowed: false, passOver: true, message: 'later', warning: 'be told' })).toMatchObject({
    response: { allowed: false, status: { code: 404, reason: 'NotFound' }, warnings: ['be told'] },
  });
});
