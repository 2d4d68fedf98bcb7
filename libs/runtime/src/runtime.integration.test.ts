import { keyOf, PODS, type Pod } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { aPod } from '@kuperator/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Informer } from './cache/informer.ts';
import { createKubeClient, KubeClient } from './client/client.ts';
import { AlreadyExistsError, ConflictError, ConnectionError, InvalidError, NotFoundError } from './client/errors.ts';
import { HttpTransport } from './client/http-transport.ts';
import type { Transport } from './client/transport.ts';
import { EventRecorder } from './controller/recorder.ts';
import { systemClock } from './process/clock.ts';
import { createLogger } from './process/logger.ts';
import { createMetrics } from './process/metrics.ts';
import { kubeLeaseStore } from './shards/lease-store.ts';
import { Shards } from './shards/shards.ts';
import { CONFIG_MAPS, type ConfigMap } from './test/config-maps.ts';
import { until } from './test/until.ts';

const logger = createLogger({ app: 'test', level: 'silent' });
let cluster: Cluster;
let client: KubeClient;

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none', nats: false, nodes: 1 });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'runtime-test' });
});
afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

function aConfigMap(name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace: 'default', name, labels }, data };
}

function unmanaged(pod: Pod): Pod {
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _created, ...metadata } = pod.metadata;
  const { nodeName: _node, ...spec } = pod.spec;
  return { ...pod, metadata, spec };
}

test('writes return the object, and failures throw their own error class', async () => {
  const created = await client.create(CONFIG_MAPS, aConfigMap('errors', { a: '1' }));
  const ref = { namespace: 'default', name: 'errors' };
  await expect(client.create(CONFIG_MAPS, aConfigMap('errors'))).rejects.toThrow(AlreadyExistsError);
  const { resourceVersion, uid = '' } = created.metadata;
  const merge = (body: object) => client.patch(CONFIG_MAPS, ref, { type: 'merge', body });

  const updated = await merge({ metadata: { resourceVersion }, data: { a: '2' } });
  expect(updated.data).toEqual({ a: '2' });
  await expect(merge({ metadata: { resourceVersion }, data: { a: '3' } })).rejects.toThrow(ConflictError);
  // A stale version wins over a wrong uid; the uid alone is an immutable field.
  await expect(merge({ metadata: { uid: 'another', resourceVersion } })).rejects.toThrow(ConflictError);
  await expect(merge({ metadata: { uid: 'another' } })).rejects.toThrow(InvalidError);
  await expect(client.replace(CONFIG_MAPS, created)).rejects.toThrow(ConflictError);
  await expect(merge({ metadata: { labels: { '/': 'x' } } })).rejects.toThrow(InvalidError);
  await expect(client.get(CONFIG_MAPS, { namespace: 'default', name: 'absent' })).rejects.toThrow(NotFoundError);

  await expect(client.delete(CONFIG_MAPS, ref, { uid: 'another' })).rejects.toThrow(ConflictError);
  await expect(client.delete(CONFIG_MAPS, ref, { resourceVersion: resourceVersion ?? '' })).rejects.toThrow(
    ConflictError,
  );
  expect(await client.delete(CONFIG_MAPS, ref, { uid })).toBeUndefined();
  expect(await client.delete(CONFIG_MAPS, ref)).toBeUndefined();
});

test('a delete returns the Pod, terminating or in its last state', async () => {
  const pod = await client.create(PODS, unmanaged(aPod({ metadata: { name: 'held', finalizers: ['test.io/hold'] } })));
  const ref = { namespace: 'default', name: 'held' };
  const terminating = await client.delete(PODS, ref, { uid: pod.metadata.uid ?? '' });
  expect(terminating?.metadata.deletionTimestamp).toBeDefined();
  await client.patch(PODS, ref, { type: 'json', body: [{ op: 'remove', path: '/metadata/finalizers' }] });
});

test('one patch of pods/status changes labels and conditions together', async () => {
  await client.create(PODS, unmanaged(aPod({ metadata: { name: 'gated' } })));
  const conditions = [{ type: 'pod.kusionstack.io/service-ready', status: 'True' }];
  const patched = await client.patch(
    PODS,
    { namespace: 'default', name: 'gated' },
    { type: 'strategic', body: { metadata: { labels: { step: 'one' } }, status: { conditions } } },
    { subresource: 'status' },
  );
  expect(patched.metadata.labels?.step).toBe('one');
  expect(patched.status?.conditions).toContainEqual(expect.objectContaining(conditions[0]));
});

test('lists in pages', async () => {
  for (let i = 0; i < 7; i++) await client.create(CONFIG_MAPS, aConfigMap(`page-${i}`, {}, { paged: 'true' }));
  const list = await client.list(CONFIG_MAPS, { namespace: 'default', labelSelector: 'paged=true', limit: 3 });
  expect(list.items.map((item) => item.metadata.name)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `page-${i}`));
  expect(list.items[0]?.kind).toBe('ConfigMap');
});

test('an informer loads the state, follows it, and survives a restart of the API server', async () => {
  const metrics = createMetrics('test', { processMetrics: false });
  const options = { client, resource: CONFIG_MAPS, namespace: 'default', labelSelector: 'followed', logger, metrics };
  await client.create(CONFIG_MAPS, aConfigMap('first', {}, { followed: '1' }));
  const informer = new Informer(options);
  const seen: string[] = [];
  informer.onChange(({ type, key }) => seen.push(`${type} ${key}`));
  informer.start();
  await informer.waitForSync();
  expect(informer.keys()).toEqual(['default/first']);
  expect(informer.get('default/first')?.metadata.managedFields).toBeUndefined();

  const second = await client.create(CONFIG_MAPS, aConfigMap('second', {}, { followed: '1' }));
  informer.observe(second);
  expect(informer.get('default/second')).toBeDefined();
  await until('the watch caught up', () => informer.resourceVersion() >= BigInt(second.metadata.resourceVersion ?? 0));
  expect(seen).toEqual(['added default/first', 'added default/second']);

  await client.patch(
    CONFIG_MAPS,
    { namespace: 'default', name: 'second' },
    { type: 'merge', body: { metadata: { labels: { followed: null } } } },
  );
  await until('it left the selector', () => informer.get('default/second') === undefined);

  await cluster.stop('kube-apiserver');
  await expect(client.create(CONFIG_MAPS, aConfigMap('nobody-there'))).rejects.toThrow(ConnectionError);
  expect(informer.keys()).toEqual(['default/first']);
  await cluster.start('kube-apiserver');
  const third = await client.create(CONFIG_MAPS, aConfigMap('third', {}, { followed: '1' }));
  await until('followed again', () => informer.get(keyOf(third)) !== undefined);
  expect(seen.slice(2)).toEqual(['deleted default/second', 'added default/third']);
  await informer.stop();
});

test('lists again if its version is too old (410), and reports what was deleted meanwhile', async () => {
  const metrics = createMetrics('test', { processMetrics: false });
  const http = new HttpTransport({ kubeconfig: cluster.kubeconfigPath, userAgent: 'runtime-test', connections: 4 });
  let cut = new AbortController();
  let reachable = true;
  const transport: Transport = {
    send: (request) => http.send(request),
    stream: ({ signal, ...request }) => {
      if (!reachable) return Promise.reject(new ConnectionError('cut'));
      return http.stream({ ...request, signal: signal ? AbortSignal.any([signal, cut.signal]) : cut.signal });
    },
    close: () => http.close(),
  };
  await client.create(CONFIG_MAPS, aConfigMap('old-a', {}, { aged: '1' }));
  await client.create(CONFIG_MAPS, aConfigMap('old-b', {}, { aged: '1' }));
  const informer = new Informer({
    client: new KubeClient({ transport }),
    resource: CONFIG_MAPS,
    labelSelector: 'aged',
    logger,
    metrics,
  });
  const seen: string[] = [];
  informer.onChange(({ type, key }) => seen.push(`${type} ${key}`));
  informer.start();
  await informer.waitForSync();
  reachable = false;
  cut.abort();
  await client.delete(CONFIG_MAPS, { namespace: 'default', name: 'old-a' });
  await client.create(CONFIG_MAPS, aConfigMap('old-c', {}, { aged: '1' }));
  // A new API server remembers no events from before its start.
  await cluster.restart('kube-apiserver');
  cut = new AbortController();
  reachable = true;
  await until('relisted', () => seen.length === 4);
  expect(seen).toEqual(['added default/old-a', 'added default/old-b', 'deleted default/old-a', 'added default/old-c']);
  expect(await metrics.registry.metrics()).toContain(
    'informer_lists_total{resource="configmaps",reason="gone",app="test"} 1',
  );
  await informer.stop();
  await http.close();
});

test('two replicas share the keys through Leases, and one that leaves hands its keys over at once', async () => {
  const keys = Array.from({ length: 40 }, (_, i) => `default/object-${i}`);
  const shardsOf = (identity: string) =>
    new Shards({
      client,
      namespace: 'default',
      app: 'integration',
      identity,
      logger,
      metrics: createMetrics('t', { processMetrics: false }),
    });
  const ownedBy = (shards: Shards) => keys.filter((key) => shards.owns(key));
  const [a, b] = [shardsOf('replica-a'), shardsOf('replica-b')];
  await a.start();
  await until('alone', () => ownedBy(a).length === 40, 5000);
  await b.start();
  await until('shared', () => ownedBy(b).length > 5 && ownedBy(a).length + ownedBy(b).length === 40, 5000);
  expect(ownedBy(a).filter((key) => b.owns(key))).toEqual([]);
  await a.stop();
  await until('taken over', () => ownedBy(b).length === 40, 5000);
  await b.stop();
  const store = kubeLeaseStore({ client, app: 'integration', namespace: 'default', clock: systemClock, logger });
  expect(await store.list(5000)).toEqual([]);
});

test('a PUT to a deleted Lease does not create it again', async () => {
  const store = kubeLeaseStore({ client, app: 'late', namespace: 'default', clock: systemClock, logger });
  const claim = { identity: 'replica', incarnation: 'x', view: 'replica', durationMs: 15_000 };
  const lease = await store.write(claim, undefined, 5000);
  const renewed = await store.write(claim, lease, 5000);
  await expect(store.write(claim, lease, 5000)).rejects.toThrow(ConflictError);
  await store.remove(renewed, 5000);
  await expect(store.write(claim, renewed, 5000)).rejects.toThrow(ConflictError);
  expect(await store.list(5000)).toEqual([]);
});

test('Kubernetes Events are recorded on the object, repetitions as a count', async () => {
  const recorder = new EventRecorder({ client, app: 'test-operator', instance: 'replica', logger });
  const pod = await client.create(PODS, unmanaged(aPod({ metadata: { name: 'eventful' } })));
  const object = { ...pod, apiVersion: 'v1', kind: 'Pod' };
  for (let i = 0; i < 4; i++) recorder.warn(object, 'Waiting', 'waits for rule "budget"');
  await recorder.flush();
  const shown = await cluster.kubectl(['describe', 'pod', 'eventful']);
  expect(shown).toMatch(/Warning\s+Waiting\s+.*x4.*test-operator\s+waits for rule "budget"/);
});
