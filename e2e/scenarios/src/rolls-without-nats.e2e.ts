import { createEventBus, type KuperatorEvent } from '@kuperator/events';
import { rollChecks } from '@kuperator/observer';
import { createLogger } from '@kuperator/runtime';
import { afterEach, expect, test } from 'vitest';
import { type Application, DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { operatorProcesses, readinessOf } from './operators.ts';
import { stage } from './stage.ts';

const on = stage();
const ten = { replicas: 10, maxUnavailable: '20%', image: 'web:v1' };
const eventually = { timeout: DEADLINE_MS };

afterEach(() => on.cluster.start('nats'));

/** For each operator, its readiness and the state of its NATS connection. */
async function readiness(): Promise<readonly string[]> {
  const answers = await Promise.all(operatorProcesses(on.cluster).map(readinessOf));
  return answers.map(({ status, checks }) => `${status} ${checks.nats?.ok ? 'connected' : checks.nats?.detail}`);
}

const connected = Array(4).fill('200 connected');
const withoutNats = Array(4).fill('200 disconnected; the operator continues by watches');

async function rolls(app: Application, image: string, act: () => Promise<void>): Promise<void> {
  const uidsBefore = app.uids();
  app.observer.reset();
  await app.changeTemplate({ image });
  await act();
  await app.serves({ replicas: 10, image });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 10, mayBeOut: 2, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
}

test('a roll completes if NATS is down from before its start, and the operators report that they are ready, without NATS', async () => {
  const app = await on.deploy({ namespace: 'before', ...ten });
  await on.cluster.stop('nats');
  await expect.poll(readiness, eventually).toEqual(withoutNats);
  await rolls(app, 'web:v2', async () => {});
  expect(await readiness()).toEqual(withoutNats);
});

test('a roll completes if NATS stops in the middle of it, and events are published again once NATS is back', async () => {
  const app = await on.deploy({ namespace: 'during', ...ten, imageChangeDelay: '300ms' });
  const received: KuperatorEvent[] = [];
  await using subscriber = subscribe('during', (event) => received.push(event));
  await expect.poll(() => subscriber.state(), eventually).toBe('connected');
  await expect.poll(readiness, eventually).toEqual(connected);

  await rolls(app, 'web:v2', async () => {
    await app.reached('web:v2', 3);
    await on.cluster.stop('nats', 'SIGKILL');
    expect(app.running('web:v2')).toBeLessThan(10);
  });
  expect(received.map(({ event }) => event)).toContain('operation.requested');

  await on.cluster.start('nats');
  await expect.poll(() => subscriber.state(), eventually).toBe('connected');
  await expect.poll(readiness, eventually).toEqual(connected);
  received.length = 0;
  await rolls(app, 'web:v3', async () => {});
  const names = app.pods().map(({ metadata }) => metadata.name);
  const completed = () => received.filter(({ event }) => event === 'operation.completed').map(({ name }) => name);
  await expect.poll(completed, eventually).toEqual(expect.arrayContaining(names));
});

function subscribe(namespace: string, handler: (event: KuperatorEvent) => void) {
  const bus = createEventBus({
    url: on.cluster.natsUrl,
    cluster: on.cluster.name,
    source: 'scenario',
    logger: createLogger({ app: 'subscriber', level: 'fatal' }),
  });
  bus.subscribe({ namespace }, handler);
  bus.start();
  return { state: () => bus.state(), [Symbol.asyncDispose]: () => bus.stop() };
}
