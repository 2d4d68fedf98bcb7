import { EVICTION_REQUESTED_ANNOTATION, POD_TRANSITION_RULES, PODS, TO_DELETE_LABEL } from '@kuperator/api';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { NAMESPACES } from '../resources.ts';
import { aServingPod } from '../test/leaving-pods.ts';
import { leaveHandler } from './leave-handler.ts';
import { requestIn, reviewOf } from './review.ts';

const KEY = 'default/web';

function setup({ namespaceEnds = false, isThere = true } = {}) {
  const cluster = new InMemoryCluster();
  const deletionTimestamp = namespaceEnds ? { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] } : {};
  cluster.add(NAMESPACES, { metadata: { name: 'default', ...deletionTimestamp } });
  if (isThere) cluster.add(PODS, aServingPod());
  const answer = leaveHandler({
    pods: cluster.informer(PODS),
    rules: cluster.informer(POD_TRANSITION_RULES, { indexes: { namespace: () => [] } }),
    client: cluster.client,
    metrics: { answered: () => {} },
    clock: new FakeClock(),
  });
  const request = {
    uid: '1',
    name: 'web',
    namespace: 'default',
    operation: 'DELETE',
    oldObject: cluster.get(PODS, KEY),
  };
  return { cluster, answer, request };
}

describe('a deletion', () => {
  test('is refused after its operation was begun in one write', async () => {
    const { cluster, answer, request } = setup();
    expect(await answer('delete', request)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(cluster.writes).toHaveLength(1);
    expect(cluster.get(PODS, KEY)?.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
  });

  test('T97 changes nothing in a dry run', async () => {
    const { cluster, answer, request } = setup();
    expect(await answer('delete', { ...request, dryRun: true })).toMatchObject({ allowed: true });
    expect(cluster.writes).toEqual([]);
  });

  test('goes through at once in a namespace that ends', async () => {
    const { cluster, answer, request } = setup({ namespaceEnds: true });
    expect(await answer('delete', request)).toMatchObject({ allowed: true });
    expect(cluster.writes).toEqual([]);
  });

  test('is asked to come back when the Pod has just changed', async () => {
    const { cluster, answer, request } = setup();
    cluster.change(PODS, KEY, (pod) => ({ ...pod, status: { ...pod.status, podIP: '10.0.0.2' } }));
    expect(await answer('delete', request)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(cluster.get(PODS, KEY)?.metadata.labels).not.toHaveProperty([TO_DELETE_LABEL]);
  });

  test('is left to the failure policy when the Pod cannot be written', async () => {
    const { cluster, answer, request } = setup();
    cluster.failWrite({ error: { status: 403, reason: 'Forbidden' } });
    await expect(answer('delete', request)).rejects.toThrow('Forbidden');
  });
});

describe('an eviction', () => {
  test('is noted on the Pod the cache knows', async () => {
    const { cluster, answer, request } = setup();
    const { oldObject: _, ...eviction } = request;
    expect(await answer('evict', eviction)).toMatchObject({ allowed: false });
    expect(cluster.get(PODS, KEY)?.metadata.annotations).toHaveProperty([EVICTION_REQUESTED_ANNOTATION]);
  });

  test('of a Pod that is not under control goes through', async () => {
    const { answer, request } = setup({ isThere: false });
    expect(await answer('evict', request)).toEqual({ allowed: true });
  });
});

test('a refusal has the form that makes clients come back by themselves', () => {
  const request = requestIn(JSON.stringify({ kind: 'AdmissionReview', request: { uid: '1', operation: 'DELETE' } }));
  expect(reviewOf(request, { allowed: false, message: 'wait', retryAfterSeconds: 3 })).toMatchObject({
    kind: 'AdmissionReview',
    response: { uid: '1', allowed: false, status: { code: 429, message: 'wait', details: { retryAfterSeconds: 3 } } },
  });
  expect(() => requestIn('{}')).toThrow();
});
