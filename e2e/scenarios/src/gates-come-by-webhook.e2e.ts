import type { Pod } from '@kuperator/api';
import { touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { stage } from './stage.ts';

// Kubernetes 1.35 has no MutatingAdmissionPolicy v1, so with this chart the coordinator's webhook adds the readiness gate to Pods.
const on = stage({ apiServerFlags: ['--emulated-version=1.35'] });

const COORDINATOR = 'podopslifecycle-coordinator';
const GATE = 'pod.kusionstack.io/service-ready';

function isGated({ spec }: Pod): boolean {
  return spec.readinessGates?.filter(({ conditionType }) => conditionType === GATE).length === 1;
}

test('the chart selects the webhook', async () => {
  const [gates, kinds] = await Promise.all([
    on.cluster.kubectl(['get', 'mutatingwebhookconfigurations', '--output=name']),
    on.cluster.kubectl(['api-resources', '--output=name']),
  ]);
  expect(gates.trim()).toMatch(/^mutatingwebhookconfiguration\S+\/podopslifecycle-coordinator\.kuperator-system$/);
  expect(kinds).not.toContain('mutatingadmissionpolicies');
});

test('a controlled Pod gets the gate, an uncontrolled Pod does not', async () => {
  await on.cluster.kubectl(['create', 'namespace', 'gated']);
  expect(await gatesOf(await runPod('controlled', '--labels=kusionstack.io/control=true'))).toEqual([GATE]);
  expect(await gatesOf(await runPod('bystander'))).toEqual([]);
});

test('Pods of a CollaSet are created with the gate, become available, and are rolled out of traffic', async () => {
  const app = await on.deploy({ namespace: 'rolled', replicas: 5, maxUnavailable: 2, image: 'web:v1' });
  expect(app.pods().filter(isGated)).toHaveLength(5);
  await app.changeTemplate({ image: 'web:v2' });
  await app.serves({ replicas: 5, image: 'web:v2' });
  await app.changeTemplate({ image: 'web:v2', setting: 'b' });
  await app.observer.until('all Pods are recreated', () => app.pods().every(hasSetting('b')), DEADLINE_MS);
  await app.serves({ replicas: 5 });
  expect(app.pods().filter(isGated)).toHaveLength(5);
  expect(touchedInTraffic(app.observer.sighting())).toEqual([]);
});

test('while no coordinator runs, controlled Pods without the gate are refused, and Pods with the gate and uncontrolled Pods are created', async () => {
  const app = await on.deploy({ namespace: 'waiting', replicas: 2, image: 'web:v1' });
  await on.cluster.stop(COORDINATOR, 'SIGKILL');
  try {
    await expect(runPod('refused', '--labels=kusionstack.io/control=true')).rejects.toThrow(
      'pod-creations.podopslifecycle.kusionstack.io',
    );
    await runPod('passer-by');
    await app.change({ replicas: 4 });
    await app.observer.until('all are made', () => app.pods().filter(isGated).length === 4, DEADLINE_MS);
  } finally {
    await on.cluster.start(COORDINATOR);
  }
  await app.serves({ replicas: 4 });
});

async function runPod(name: string, ...options: string[]): Promise<string> {
  await on.cluster.kubectl(['run', name, '--namespace=gated', '--image=web:v1', ...options]);
  return name;
}

async function gatesOf(name: string): Promise<readonly string[]> {
  const args = ['get', 'pod', name, '--namespace=gated', '--output=jsonpath={.spec.readinessGates[*].conditionType}'];
  return (await on.cluster.kubectl(args)).split(' ').filter(Boolean);
}

function hasSetting(setting: string): (pod: Pod) => boolean {
  return ({ spec }) =>
    JSON.stringify(spec.containers[0]?.env) === JSON.stringify([{ name: 'SETTING', value: setting }]);
}
