// In the middle of a roll, each component that the roll depends on is disturbed, one at a time. No request may be lost.
import { TRAFFIC_OFF_HOLD_ANNOTATION } from '@kuperator/api';
import { expect, test } from 'vitest';
import { containerdOf, crash, kubeletOf } from './nodes.ts';
import { defaultMinSyncPeriodMs, restartProxy } from './proxy.ts';
import { operate, rollImage } from './rolls.ts';
import { stage } from './stage.ts';

const on = stage();

test('a new image rolls in place while each operator is restarted', async () => {
  const operators = on.cluster.processes().filter(({ httpPort, name }) => httpPort !== undefined && name !== 'nats');
  const title = 'new image, in place, operators restarted';
  await operate(on, { title, name: 'operators-restarted' }, (round) =>
    rollImage(round, async () => {
      for (const { name } of operators) await on.cluster.restart(name);
    }),
  );
});

test('a new image rolls in place behind a slow kube-proxy, with a longer hold on its Service', async () => {
  const minSyncPeriodMs = 4_000;
  const annotations = { [TRAFFIC_OFF_HOLD_ANNOTATION]: `${minSyncPeriodMs + 500}ms` };
  await restartProxy(on.cluster, minSyncPeriodMs);
  try {
    await operate(on, { title: 'new image, in place, slow kube-proxy', name: 'slow-proxy', annotations }, rollImage);
  } finally {
    await restartProxy(on.cluster, defaultMinSyncPeriodMs);
  }
});

test.each([
  { what: 'kubelet', process: kubeletOf(1) },
  { what: 'containerd', process: containerdOf(1) },
])('a new image rolls in place while $what is killed', async ({ what, process }) => {
  const title = `new image, in place, ${what} killed`;
  const outcome = await operate(on, { title, name: `${what}-killed` }, (round) =>
    rollImage(round, () => crash(on.cluster, process)),
  );
  expect(outcome.uidsAfter).toEqual(outcome.uidsBefore);
});
