import { aPod, FakeClock, InMemoryCluster } from '@kuperator/testing';
import { expect, test, vi } from 'vitest';
import { createLogger } from '../process/logger.ts';
import { createMetrics } from '../process/metrics.ts';
import { EventRecorder } from './recorder.ts';

function recorderOn(cluster: InMemoryCluster, clock = new FakeClock()) {
  const logger = createLogger({ app: 'test', level: 'silent' });
  const metrics = createMetrics('test', { processMetrics: false });
  const recorder = new EventRecorder({
    client: cluster.client,
    app: 'collaset-controller',
    instance: 'replica-1',
    logger,
    metrics,
    clock,
  });
  return { recorder, metrics, clock };
}

test('writes the reporter, the message and the object', async () => {
  const cluster = new InMemoryCluster();
  const { recorder } = recorderOn(cluster);
  recorder.warn(aPod({ metadata: { name: 'web', uid: 'u' } }), 'Waiting', 'waits for a rule');
  await recorder.flush();
  expect(cluster.writes).toHaveLength(1);
  expect(cluster.writes[0]).toMatchObject({
    verb: 'create',
    resource: 'events',
    namespace: 'default',
    body: {
      type: 'Warning',
      reason: 'Waiting',
      note: 'waits for a rule',
      reportingController: 'collaset-controller',
      reportingInstance: 'replica-1',
      regarding: { kind: 'Pod', apiVersion: 'v1', namespace: 'default', name: 'web', uid: 'u' },
      eventTime: '2026-01-01T00:00:00.000000Z',
    },
  });
});

test('counts repetitions on one Event, at 2, 4, 8…', async () => {
  const cluster = new InMemoryCluster();
  const { recorder, clock } = recorderOn(cluster);
  const pod = aPod();
  for (let i = 0; i < 9; i++) {
    recorder.normal(pod, 'Drained', 'no traffic');
    await recorder.flush();
    clock.advance(60_000);
  }
  expect(
    cluster.writes.map(({ verb, body }) => [verb, (body as { series?: { count: number } }).series?.count]),
  ).toEqual([
    ['create', undefined],
    ['patch', 2],
    ['patch', 4],
    ['patch', 8],
  ]);
});

test('begins a new Event if the last repetition is long ago, or the Event has expired in the API server', async () => {
  const cluster = new InMemoryCluster();
  const { recorder, clock } = recorderOn(cluster);
  const pod = aPod();
  const record = async () => {
    recorder.normal(pod, 'Drained', 'no traffic');
    await recorder.flush();
  };
  await record();
  clock.advance(11 * 60_000);
  await record();
  cluster.failWrite({ verb: 'patch', error: { status: 404, reason: 'NotFound' } });
  await record();
  await record();
  expect(cluster.writes.map(({ verb }) => verb)).toEqual(['create', 'create', 'patch', 'create']);
});

test('limits the Events of one object without delaying others', async () => {
  const cluster = new InMemoryCluster();
  const { recorder, metrics } = recorderOn(cluster);
  const noisy = aPod();
  for (let i = 0; i < 100; i++) recorder.warn(noisy, 'Failed', `attempt ${i}`);
  recorder.warn(aPod(), 'Failed', 'once');
  await recorder.flush();
  expect(cluster.writes).toHaveLength(26);
  expect(await metrics.registry.metrics()).toContain('events_dropped_total{reason="rate",app="test"} 75');
});

test('a refused Event does not fail the caller', async () => {
  const cluster = new InMemoryCluster();
  const { recorder, metrics } = recorderOn(cluster);
  cluster.failWrite({ error: { status: 403, reason: 'Forbidden' } });
  recorder.normal(aPod(), 'Reason', 'text');
  await recorder.flush();
  expect(await metrics.registry.metrics()).toContain('events_dropped_total{reason="refused",app="test"} 1');
});

test('shortens a note to what the API server accepts', async () => {
  const cluster = new InMemoryCluster();
  const { recorder } = recorderOn(cluster);
  recorder.normal(aPod(), 'Long', 'ä'.repeat(2000));
  await recorder.flush();
  const { note } = cluster.writes[0]?.body as { note: string };
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  expect(note).toMatch(/^ä+…$/);
});

test('a namespace with many Events, whose writes are slow, neither delays nor displaces the Events of another', async () => {
  const cluster = new InMemoryCluster();
  const answer = Promise.withResolvers<void>();
  const send = cluster.client.create.bind(cluster.client);
  const written: (string | undefined)[] = [];
  cluster.client.create = async (resource, object, options) => {
    if (object.metadata.namespace === 'noisy') await answer.promise;
    written.push(object.metadata.namespace);
    return send(resource, object, options);
  };
  const { recorder, metrics } = recorderOn(cluster);
  for (let i = 0; i < 2000; i++)
    recorder.warn(aPod({ metadata: { namespace: 'noisy', uid: `n${i}` } }), 'Waiting', 'waits');
  for (let i = 0; i < 3; i++)
    recorder.warn(aPod({ metadata: { namespace: 'calm', uid: `c${i}` } }), 'Waiting', 'waits');
  await vi.waitFor(() => expect(written).toEqual(['calm', 'calm', 'calm']));
  answer.resolve();
  await recorder.flush();
  // One was being written when the queue became full, and the first of the calm namespace did not wait in it.
  expect(written).toHaveLength(1 + 1000 + 1);
  expect(await metrics.registry.metrics()).toMatch(/events_dropped_total\{reason="queue"[^}]*\} 1001/);
});
