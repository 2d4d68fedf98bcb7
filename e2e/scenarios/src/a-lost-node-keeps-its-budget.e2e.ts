// The real node lifecycle controller watches the only node. The test renews the node's Lease, as a kubelet does, until the node is to be lost.
import { isReady, LEASES, POD_TRANSITION_RULES, type Pod } from '@kuperator/api';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEADLINE_MS, lifecycleLabels } from './application.ts';
import { NAME } from './manifests.ts';
import { stage } from './stage.ts';

const on = stage({ nodes: 1, controllerManagerFlags: ['--node-monitor-grace-period=20s', '--node-monitor-period=1s'] });
const LEASE = { namespace: 'kube-node-lease', name: 'node-0' };
let client: KubeClient;
let renewal: NodeJS.Timeout | undefined;

beforeAll(async () => {
  client = createKubeClient({ kubeconfig: on.cluster.kubeconfigPath, userAgent: 'kubelet' });
  await client.create(LEASES, { metadata: LEASE, spec: { holderIdentity: LEASE.name } });
  report();
});

afterAll(async () => {
  clearInterval(renewal);
  await client?.close();
});

function report(): void {
  renewal = setInterval(() => {
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    // If one renewal fails, the next one makes up for it.
    client.patch(LEASES, LEASE, { type: 'merge', body: { spec: { renewTime } } }).catch(() => {});
  }, 2000);
}

const isPermitted = (pod: Pod) => lifecycleLabels(pod).some((key) => key.startsWith('operate.'));

test('an update that is requested while the node is lost waits for the node, then continues within the budget', async () => {
  const namespace = 'lost';
  const app = await on.deploy({ namespace, replicas: 4, image: 'web:v1', maxUnavailable: 1 });
  await on.cluster.stop('kwok');
  clearInterval(renewal);
  await app.observer.when('no Pod is Ready', () => !app.pods().some(isReady), DEADLINE_MS);

  await app.changeTemplate({ image: 'web:v2' });
  await expect
    .poll(
      async () => {
        const { status } = await client.get(POD_TRANSITION_RULES, { namespace, name: NAME });
        return (status?.details ?? []).map(({ passed }) => passed);
      },
      { timeout: DEADLINE_MS },
    )
    .toEqual([false, false, false, false]);
  await app.observer.untilQuiet(2000, DEADLINE_MS);
  expect(app.pods().some(isPermitted)).toBe(false);
  expect(app.pods().map((pod) => pod.spec.containers[0]?.image)).toEqual(Array(4).fill('web:v1'));

  report();
  await on.cluster.start('kwok');
  await app.serves({ replicas: 4, image: 'web:v2' });
  const present = new Map<string, boolean>();
  const atOnce = app.observer.sighting().pods.map(({ pod }) => {
    present.set(pod.metadata.uid ?? '', isPermitted(pod));
    return [...present.values()].filter(Boolean).length;
  });
  expect(Math.max(...atOnce)).toBe(1);
});
