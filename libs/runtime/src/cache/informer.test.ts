import { PODS, type Pod } from '@kuperator/api';
import { aPod, FakeClock, InMemoryCluster, settled } from '@kuperator/testing';
import pino from 'pino';
import { expect, test } from 'vitest';
import { KubeClient } from '../client/client.ts';
import { ConnectionError } from '../client/errors.ts';
import type { Transport } from '../client/transport.ts';
import { createLogger } from '../process/logger.ts';
import { Informer, type InformerOptions } from './informer.ts';

const logger = createLogger({ app: 'test', level: 'silent' });

function follow(cluster: InMemoryCluster, options: Partial<InformerOptions<Pod>> = {}) {
  const clock = new FakeClock();
  const informer = new Informer<Pod>({ client: cluster.client, resource: PODS, logger, clock, ...options });
  const seen: string[] = [];
  informer.onChange(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
  informer.start();
  return { informer, seen, clock };
}

function add(cluster: InMemoryCluster, name: string, labels: Record<string, string> = {}): Pod {
  return cluster.add(PODS, aPod({ metadata: { name, uid: undefined, labels } }));
}

test('shows the complete initial state at once, then follows changes', async () => {
  const cluster = new InMemoryCluster();
  add(cluster, 'a');
  add(cluster, 'b');
  const { informer, seen } = follow(cluster);
  expect(informer.hasSynced()).toBe(false);
  await informer.waitForSync();
  expect(informer.keys()).toEqual(['default/a', 'default/b']);
  add(cluster, 'c');
  cluster.remove(PODS, 'default/a');
  await settled();
  expect(seen).toEqual(['added a', 'added b', 'added c', 'deleted a']);
  expect(informer.resourceVersion()).toBe(BigInt(cluster.resourceVersion));
  await informer.stop();
});

test('continues where it was after a broken connection, without a list', async () => {
  const cluster = new InMemoryCluster();
  const { informer, seen, clock } = follow(cluster);
  await informer.waitForSync();
  cluster.endWatches(new ConnectionError('reset'));
  add(cluster, 'a');
  cluster.remove(PODS, 'default/a');
  await clock.advanceAsync(1000);
  expect(seen).toEqual(['added a', 'deleted a']);
  await informer.stop();
});

test('continues at once after the server ended a long watch', async () => {
  const cluster = new InMemoryCluster();
  const { informer, seen, clock } = follow(cluster);
  await informer.waitForSync();
  await clock.advanceAsync(60_000);
  cluster.endWatches();
  add(cluster, 'a');
  await settled();
  expect(seen).toEqual(['added a']);
  await informer.stop();
});

test('lists again if its version is too old, and reports what was deleted meanwhile', async () => {
  const cluster = new InMemoryCluster();
  add(cluster, 'a');
  add(cluster, 'b');
  const { informer, seen, clock } = follow(cluster);
  await informer.waitForSync();
  cluster.setReachable(false);
  await clock.advanceAsync(1000);
  cluster.remove(PODS, 'default/a');
  add(cluster, 'c');
  cluster.compact();
  cluster.setReachable(true);
  await clock.advanceAsync(30_000);
  expect(seen).toEqual(['added a', 'added b', 'deleted a', 'added c']);
  expect(informer.keys()).toEqual(['default/b', 'default/c']);
  await informer.stop();
});

test('retries with growing delays while the server does not answer', async () => {
  const cluster = new InMemoryCluster();
  let attempts = 0;
  const client = {
    stream: () => {
      attempts++;
      return Promise.reject(new ConnectionError('refused'));
    },
  } as unknown as KubeClient;
  const { informer, clock } = follow(cluster, { client });
  await clock.advanceAsync(60_000);
  expect(attempts).toBeGreaterThan(6);
  expect(attempts).toBeLessThan(30);
  await informer.stop();
});

test('a handler that throws stops neither the watch nor the other handlers', async () => {
  const cluster = new InMemoryCluster();
  const { informer, seen } = follow(cluster);
  informer.onChange(() => {
    throw new Error('handler');
  });
  informer.onChange(({ object }) => seen.push(`also ${object.metadata.name}`));
  await informer.waitForSync();
  add(cluster, 'a');
  add(cluster, 'b');
  await settled();
  expect(seen).toEqual(['added a', 'also a', 'added b', 'also b']);
  await informer.stop();
});

test('drops managedFields and whatever trim drops', async () => {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aPod({ metadata: { name: 'a', managedFields: [{}] } }));
  const trim = ({ status: _, ...pod }: Pod): Pod => pod;
  const { informer } = follow(cluster, { trim });
  await informer.waitForSync();
  expect(informer.get('default/a')?.metadata.managedFields).toBeUndefined();
  expect(informer.get('default/a')?.status).toBeUndefined();
  const observed = cluster.change(PODS, 'default/a', (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, labels: { n: '1' } },
  }));
  informer.observe(observed);
  expect(informer.get('default/a')?.metadata).not.toHaveProperty('managedFields');
  await informer.stop();
});

test('drops the annotation of kubectl apply, and no other', async () => {
  const cluster = new InMemoryCluster();
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', other: 'stays' };
  cluster.add(PODS, aPod({ metadata: { name: 'a', annotations } }));
  const { informer } = follow(cluster);
  await informer.waitForSync();
  expect(informer.get('default/a')?.metadata.annotations).toEqual({ other: 'stays' });
  expect(cluster.get(PODS, 'default/a')?.metadata.annotations).toEqual(annotations);
  await informer.stop();
});

test('an observed object outside its selector or namespace is not added', async () => {
  const cluster = new InMemoryCluster();
  const { informer } = follow(cluster, { labelSelector: 'app=web', namespace: 'default' });
  await informer.waitForSync();
  informer.observe(aPod({ metadata: { name: 'a', labels: { app: 'db' }, resourceVersion: '999999' } }));
  informer.observe(
    aPod({ metadata: { name: 'b', labels: { app: 'web' }, namespace: 'x', resourceVersion: '999999' } }),
  );
  expect(informer.list()).toEqual([]);
  await informer.stop();
});

test('an object that leaves the selector is deleted from the cache', async () => {
  const cluster = new InMemoryCluster();
  add(cluster, 'a', { app: 'web' });
  const { informer, seen } = follow(cluster, { labelSelector: 'app=web' });
  await informer.waitForSync();
  const left = await cluster.client.patch(
    PODS,
    { namespace: 'default', name: 'a' },
    { type: 'merge', body: { metadata: { labels: { app: 'db' } } } },
  );
  informer.observe(left);
  await settled();
  expect(seen.at(-1)).toBe('deleted a');
  expect(informer.list()).toEqual([]);
  await informer.stop();
});

/** A transport that passes through to the cluster, except for what `change` does to streams. */
function through(
  cluster: InMemoryCluster,
  change: (path: string, signal?: AbortSignal) => { status: number; lines: AsyncIterable<Uint8Array> } | undefined,
): KubeClient {
  const transport: Transport = {
    send: async ({ method, path }) => {
      const body = await cluster.client.request<object>(method, path);
      return { status: 200, headers: {}, body: JSON.stringify(body) };
    },
    stream: async ({ path, signal }) => {
      const changed = change(path, signal);
      if (changed) return { status: changed.status, headers: {}, body: changed.lines };
      return { status: 200, headers: {}, body: await cluster.client.stream(path, signal ? { signal } : {}) };
    },
    close: async () => {},
  };
  return new KubeClient({ transport });
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test('lists in pages if the server has no WatchList, without a warning', async () => {
  const cluster = new InMemoryCluster();
  add(cluster, 'a');
  const paths: string[] = [];
  const client = through(cluster, (path) => {
    paths.push(path);
    if (!path.includes('sendInitialEvents')) return undefined;
    const status = { kind: 'Status', code: 422, reason: 'Invalid', message: 'sendInitialEvents: Forbidden' };
    return { status: 422, lines: bytes(JSON.stringify(status)) };
  });
  const levels: number[] = [];
  const collecting = pino({ base: null }, { write: (line) => levels.push(JSON.parse(line).level) });
  const { informer, seen, clock } = follow(cluster, { client, logger: collecting });
  await clock.advanceAsync(1000);
  expect(informer.hasSynced()).toBe(true);
  add(cluster, 'b');
  await settled();
  expect(seen).toEqual(['added a', 'added b']);
  expect(paths).toHaveLength(2);
  expect(Math.max(...levels)).toBe(30);
  await informer.stop();
});

test('waits for a kind that was just defined with one line in the log, and no stack', async () => {
  const cluster = new InMemoryCluster();
  add(cluster, 'a');
  const message = 'storage is (re)initializing';
  const status = { kind: 'Status', code: 429, reason: 'TooManyRequests', message, details: { retryAfterSeconds: 1 } };
  let attempts = 0;
  const client = through(cluster, () =>
    attempts++ === 0 ? { status: 429, lines: bytes(JSON.stringify(status)) } : undefined,
  );
  const lines: Record<string, unknown>[] = [];
  const collecting = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) });
  const { informer, clock } = follow(cluster, { client, logger: collecting });
  await clock.advanceAsync(2000);
  expect(informer.keys()).toEqual(['default/a']);
  const info = 30;
  const cause = expect.stringContaining(message);
  expect(lines).toEqual([
    { level: info, informer: 'pods', failures: 1, list: 'start', cause, msg: 'the API server throttles the watch' },
    expect.objectContaining({ level: info, msg: 'synced' }),
  ]);
  await informer.stop();
});

test('opens a new watch if the old one is silent for minutes, or does not deliver the event of our own write (T93)', async () => {
  const cluster = new InMemoryCluster();
  let watches = 0;
  let dead = false;
  const client = through(cluster, (_, signal) => {
    watches++;
    return dead ? { status: 200, lines: silence(signal) } : undefined;
  });
  const { informer, clock } = follow(cluster, { client });
  await clock.advanceAsync(0);
  expect([informer.hasSynced(), watches]).toEqual([true, 1]);
  dead = true;
  await clock.advanceAsync(110_000);
  expect(watches).toBe(2);
  informer.observe(add(cluster, 'a'));
  dead = false;
  await clock.advanceAsync(45_000);
  expect(watches).toBe(3);
  expect(informer.resourceVersion()).toBe(BigInt(cluster.resourceVersion));
  await informer.stop();
});

async function* silence(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
}

test('waitForSync can be aborted', async () => {
  const cluster = new InMemoryCluster();
  cluster.setReachable(false);
  const { informer } = follow(cluster);
  const abort = new AbortController();
  const waiting = informer.waitForSync(abort.signal);
  abort.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  await informer.stop();
});
