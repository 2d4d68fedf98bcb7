import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Cluster } from './options.ts';
import { startCluster } from './start.ts';

const app = 'podtransitionrule-engine';
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ operators: [app], replicas: { [app]: 2 }, operatorEnv: { LOG_LEVEL: 'debug' } });
});
afterAll(async () => {
  await cluster.down();
});

const stateOf = (name: string) => cluster.processes().find((process) => process.name === name);

test('each replica is a process that reports that it is ready', async () => {
  for (const name of [`${app}-0`, `${app}-1`]) {
    const response = await fetch(`http://127.0.0.1:${stateOf(name)?.httpPort}/readyz`);
    expect(response.status).toBe(200);
  }
  expect(stateOf(app)).toBeUndefined();
});

test('an operator has only the rights of its chart', async () => {
  const subject = `--as=system:serviceaccount:kuperator-system:${app}`;
  const can = (...args: string[]) =>
    cluster.kubectl(['auth', 'can-i', ...args, '--all-namespaces', subject]).catch(() => 'no\n');
  expect(await can('list', 'pods')).toBe('yes\n');
  expect(await can('list', 'secrets')).toBe('no\n');
});

test('a crashed operator is shown as such and can be started again', async () => {
  process.kill(stateOf(`${app}-0`)?.pid ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(stateOf(`${app}-0`)).toMatchObject({ state: 'crashed', ended: 'signal SIGKILL' }));
  await cluster.start(`${app}-0`);
  expect(stateOf(`${app}-0`)).toMatchObject({ state: 'running' });
});
