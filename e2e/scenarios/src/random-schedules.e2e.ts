// To run more schedules: npm run fuzz -w @kuperator/scenarios -- --schedules 200 --seed 1

import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, expect, test } from 'vitest';
import { playSchedule } from './random-schedule.ts';
import { stage } from './stage.ts';

const on = stage();
let client: KubeClient | undefined;
let granted = 0;
afterAll(() => client?.close());

test.each([
  1, 2, 3, 4, 5, 6,
])('the random schedule of seed %i breaks no promise, and all its Pods end in service', async (seed) => {
  client ??= createKubeClient({ kubeconfig: on.cluster.kubeconfigPath, userAgent: 'schedule' });
  const namespace = `schedule-${seed}`;
  await on.cluster.kubectl(['create', 'namespace', namespace]);
  const { broken, grants } = await playSchedule(client, namespace, seed);
  expect(broken).toEqual([]);
  granted += grants;
});

// A schedule whose rules never agree has no grants, but all schedules together have some.
test('the random schedules had granted operations', () => {
  expect(granted).toBeGreaterThan(5);
});
