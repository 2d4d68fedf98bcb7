import { COLLA_SETS, PODS } from '@kuperator/api';
import { aCollaSet, aPod, FakeClock, InMemoryCluster, settled } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import {
  AbortedError,
  AlreadyExistsError,
  ApiError,
  ConflictError,
  ConnectionError,
  ForbiddenError,
  GoneError,
  InvalidError,
  NotFoundError,
  ServerError,
  SlotTimeoutError,
  ThrottledError,
} from './errors.ts';
import type { TransportRequest, TransportResponse } from './transport.ts';

type Answer = { status: number; body?: object | string; headers?: Record<string, string> } | 'no answer';

/** A client whose requests get these answers in turn, the last one for ever. */
function clientWith(answers: readonly Answer[], maxInFlight = 4) {
  const requests: TransportRequest[] = [];
  const clock = new FakeClock();
  const send = async (request: TransportRequest): Promise<TransportResponse> => {
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    requests.push(request);
    await Promise.resolve();
    if (answer === undefined || answer === 'no answer') throw new ConnectionError('reset');
    const { status, body = {}, headers = {} } = answer;
    return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
  };
  const stream = () => Promise.reject(new Error('unused'));
  const transport = { send, stream, close: async () => {} };
  return { client: new KubeClient({ transport, clock, maxInFlight }), requests, clock };
}

const REF = { namespace: 'default', name: 'web' };
const throttled: Answer = { status: 429, body: { reason: 'TooManyRequests', details: { retryAfterSeconds: 2 } } };

describe('retries', () => {
  test('obeys Retry-After for a write as well, because the write did not take effect', async () => {
    const { client, requests, clock } = clientWith([
      throttled,
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 200 },
    ]);
    const patched = client.patch(PODS, REF, { type: 'merge', body: {} });
    await clock.advanceAsync(1900);
    expect(requests).toHaveLength(1);
    await clock.advanceAsync(700);
    expect(requests).toHaveLength(2);
    await clock.advanceAsync(1300);
    await patched;
    expect(requests).toHaveLength(3);
  });

  test('gives up after five attempts and returns the time to wait', async () => {
    const { client, requests, clock } = clientWith([throttled]);
    const failed = client.create(PODS, aPod()).catch((error: unknown) => error);
    await clock.advanceAsync(60_000);
    const error = await failed;
    expect(error).toBeInstanceOf(ThrottledError);
    expect((error as ThrottledError).retryAfterMs).toBe(2000);
    expect(requests).toHaveLength(6);
  });

  test('does not wait itself if the wait is long', async () => {
    const { client, requests } = clientWith([{ status: 429, headers: { 'retry-after': '60' } }]);
    await expect(client.get(PODS, REF)).rejects.toThrow(ThrottledError);
    expect(requests).toHaveLength(1);
  });

  test('repeats a read without a response, but never a write, because its outcome is unknown', async () => {
    const reading = clientWith(['no answer', { status: 503 }, { status: 200, body: aPod() }]);
    const read = reading.client.get(PODS, REF);
    await reading.clock.advanceAsync(1000);
    expect((await read).kind).toBe('Pod');

    const writing = clientWith(['no answer']);
    await expect(writing.client.create(PODS, aPod())).rejects.toThrow(ConnectionError);
    await expect(writing.client.delete(PODS, REF)).rejects.toThrow(ConnectionError);
    expect(writing.requests).toHaveLength(2);
  });

  test('does not repeat a write that failed in the server', async () => {
    const { client, requests } = clientWith([{ status: 500, body: 'etcd leader changed' }]);
    await expect(client.patch(PODS, REF, { type: 'merge', body: {} })).rejects.toThrow(ServerError);
    expect(requests).toHaveLength(1);
  });
});

test.each([
  { status: 403, reason: 'Forbidden', error: ForbiddenError },
  { status: 404, reason: 'NotFound', error: NotFoundError },
  { status: 409, reason: 'Conflict', error: ConflictError },
  { status: 409, reason: 'AlreadyExists', error: AlreadyExistsError },
  { status: 410, reason: 'Expired', error: GoneError },
  { status: 422, reason: 'Invalid', error: InvalidError },
  { status: 500, reason: 'InternalError', error: ServerError },
  { status: 415, reason: 'UnsupportedMediaType', error: ApiError },
])('$status $reason is thrown as its own class', async ({ status, reason, error }) => {
  const { client } = clientWith([{ status, body: { reason, message: 'because' } }]);
  const thrown = await client.create(PODS, aPod()).catch((failure: unknown) => failure);
  expect(thrown).toBeInstanceOf(error);
  expect(thrown).toMatchObject({
    status,
    reason,
    message: `POST /api/v1/namespaces/default/pods: ${status} ${reason}: because`,
  });
});

test('reports an answer that is not JSON without hiding it', async () => {
  const { client } = clientWith([{ status: 502, body: '<html>bad gateway' }]);
  await expect(client.replace(PODS, aPod())).rejects.toThrow(/502 .*<html>bad gateway/);
});

test('limits concurrent requests, but not Lease renewals', async () => {
  let underWay = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const send = async () => {
    most = Math.max(most, ++underWay);
    await gate.promise;
    underWay--;
    return { status: 200, headers: {}, body: '{}' };
  };
  const client = new KubeClient({
    transport: { send, stream: () => Promise.reject(new Error('unused')), close: async () => {} },
    maxInFlight: 3,
  });
  const all = Array.from({ length: 10 }, () => client.get(PODS, REF));
  await settled();
  expect(most).toBe(3);
  const lease = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true };
  all.push(client.get(lease, REF) as never);
  await settled();
  expect(most).toBe(4);
  gate.resolve();
  await Promise.all(all);
});

describe('on the in-memory cluster', () => {
  test('writes fail if their preconditions do not hold', async () => {
    const cluster = new InMemoryCluster();
    const pod = cluster.add(PODS, aPod({ metadata: REF }));
    const { resourceVersion = '', uid = '' } = pod.metadata;
    const label = (body: object) => cluster.client.patch(PODS, REF, { type: 'merge', body: { metadata: body } });
    await label({ resourceVersion, labels: { a: '1' } });
    await expect(label({ resourceVersion, labels: { a: '2' } })).rejects.toThrow(ConflictError);
    await expect(cluster.client.delete(PODS, REF, { uid: 'other' })).rejects.toThrow(ConflictError);
    expect((await cluster.client.delete(PODS, REF, { uid }))?.metadata.deletionTimestamp).toBeDefined();
    cluster.finishTermination(PODS, 'default/web');
    expect(await cluster.client.delete(PODS, REF, { uid })).toBeUndefined();
  });

  test('creates once', async () => {
    const { client } = new InMemoryCluster();
    const { resourceVersion: _, ...metadata } = aCollaSet({ metadata: { name: 'web' } }).metadata;
    const set = { ...aCollaSet(), metadata };
    expect((await client.create(COLLA_SETS, set)).metadata.generation).toBe(1);
    await expect(client.create(COLLA_SETS, set)).rejects.toThrow(AlreadyExistsError);
  });
});

describe('waiting', () => {
  /** A client with one slot whose requests never get an answer, but end when they are aborted. */
  function busyClient(slotTimeoutMs: number) {
    const clock = new FakeClock();
    let sent = 0;
    const send = ({ signal }: TransportRequest) => {
      sent++;
      return new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => reject(new ConnectionError('aborted')));
      });
    };
    const transport = { send, stream: () => Promise.reject(new Error('unused')), close: async () => {} };
    const client = new KubeClient({ transport, clock, maxInFlight: 1, slotTimeoutMs });
    return { client, clock, sent: () => sent };
  }

  test('for a free slot is limited: the request is not sent, and the error says so', async () => {
    const { client, clock, sent } = busyClient(20_000);
    client.get(PODS, REF).catch(() => {});
    const failed = client.get(PODS, REF).catch((error: unknown) => error);
    await clock.advanceAsync(4000);
    expect(client.problem()).toBeUndefined();
    await clock.advanceAsync(2000);
    expect(client.problem()).toBe(
      '1 requests wait for a free slot, the first for 6 s: 1 are in flight, the limit is 1',
    );
    await clock.advanceAsync(14_000);
    const error = await failed;
    expect(error).toBeInstanceOf(SlotTimeoutError);
    expect(String(error)).toContain(
      'GET /api/v1/namespaces/default/pods/web: not sent, no free slot within 20 s: 1 requests are in flight',
    );
    expect([sent(), client.problem()]).toEqual([1, undefined]);
  });

  test('between two attempts ends at once when the signal aborts', async () => {
    const { client, requests, clock } = clientWith([throttled]);
    const abort = new AbortController();
    const failed = client.request('GET', '/api', { signal: abort.signal }).catch((error: unknown) => error);
    await clock.advanceAsync(100);
    abort.abort(new Error('the operator is stopping'));
    const error = await failed;
    expect(error).toBeInstanceOf(AbortedError);
    expect(String(error)).toContain('GET /api: aborted: the operator is stopping');
    expect(requests).toHaveLength(1);
  });

  test('for a response ends at once when the signal aborts', async () => {
    const { client, sent } = busyClient(20_000);
    const abort = new AbortController();
    const failed = client.request('GET', '/api', { signal: abort.signal }).catch((error: unknown) => error);
    await settled();
    abort.abort(new Error('the operator is stopping'));
    expect(await failed).toBeInstanceOf(AbortedError);
    expect(sent()).toBe(1);
  });
});
