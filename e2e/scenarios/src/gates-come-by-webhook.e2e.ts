import type { Pod } from '@kuperator/api';
import { touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { stage } from './stage.ts';

// Kubernetes 1.35 has no MutatingAdmissionPolicy v1: the chart has the coordinator give Pods their readiness gate.
const on = stage({ apiServerFlags: ['--emulated-version=1.35'] });

const COORDINATOR = 'podopslifecycle-coordinator';
const GATE = 'pod.kusionstack.io/service-ready';

function isGated({ spec }: Pod): boolean {
  return spec.readinessGates?.filter(({ conditionType }) => conditionType === GATE).length === 1;
}

test('the chart has taken the webhook', async () => {
  const [gates, kinds] = await Promise.all([
    on.cluster.kubectl(['get', 'mutatingwebhookconfigurations', '--output=name']),
    on.cluster.kubectl(['api-resources', '--output=name']),
  ]);
  expect(gates.trim()).toMatch(/^mutatingwebhookconfiguration\S+\/podopslifecycle-coordinator\.kuperator-system$/);
  expect(kinds).not.toContain('mutatingadmissionpolicies');
});

test('Pods of a CollaSet get the gate, become available, and roll out of traffic', async () => {
  const app = await on.deploy({ namespace: 'gated', replicas: 5, maxUnavailable: 2, image: 'web:v1' });
  expect(app.pods().filter(isGated)).toHaveLength(5);
  await app.changeTemplate({ image: 'web:v2' });
  await app.serves({ replicas: 5, image: 'web:v2' });
  await app.changeTemplate({ image: 'web:v2', setting: 'b' });
  await app.observer.until('all are made anew', () => app.pods().every(hasSetting('b')), DEADLINE_MS);
  await app.serves({ replicas: 5 });
  expect(app.pods().filter(isGated)).toHaveLength(5);
  expect(touchedInTraffic(app.observer.sighting())).toEqual([]);
});

test('while no coordinator runs no Pod is made without the gate, and others are made as ever', async () => {
  const app = await on.deploy({ namespace: 'waiting', replicas: 2, image: 'web:v1' });
  await on.cluster.stop(COORDINATOR, 'SIGKILL');
  try {
    await app.change({ replicas: 4 });
    const why = async () => {
      const args = ['get', 'collaset', 'web', '--namespace=waiting', '--output=jsonpath={.status.conditions}'];
      return on.cluster.kubectl(args);
    };
    await expect.poll(why, { timeout: DEADLINE_MS }).toContain('pod-creations.podopslifecycle.kusionstack.io');
    expect(app.pods()).toHaveLength(2);
    await on.cluster.kubectl(['run', 'bystander', '--image=web:v1']);
  } finally {
    await on.cluster.start(COORDINATOR);
  }
  await app.serves({ replicas: 4 });
  expect(app.pods().filter(isGated)).toHaveLength(4);
});

function hasSetting(setting: string): (pod: Pod) => boolean {
  return ({ spec }) =>
    JSON.stringify(spec.containers[0]?.env) === JSON.stringify([{ name: 'SETTING', value: setting }]);
}
