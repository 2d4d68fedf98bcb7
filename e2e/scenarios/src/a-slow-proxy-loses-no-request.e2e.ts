// Nodes and proxies take the time of real ones: a proxy applies EndpointSlices at most once a second, as kube-proxy does by default.
import { KUBELET_DELAYS } from '@kuperator/cluster';
import { rollChecks, scaleInChecks, touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { broken } from './judge.ts';
import { stage } from './stage.ts';

const on = stage({ kubelet: KUBELET_DELAYS });
// The default hold leaves a margin of half a second, and on a busy machine the observer may see changes later than that.
const slow = { proxyPeriodMs: 1000, trafficOffHold: '3s', image: 'web:v1', maxUnavailable: 2 };

test('a roll in place touches no Pod while a proxy may send it requests', async () => {
  const app = await on.deploy({ namespace: 'roll', replicas: 4, ...slow });
  const uidsBefore = app.uids();
  await app.changeTemplate({ image: 'web:v2' });
  await app.serves({ replicas: 4, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 4, mayBeOut: 2, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
});

test('a scale-in deletes no Pod while a proxy may send it requests', async () => {
  const app = await on.deploy({ namespace: 'scale-in', replicas: 4, ...slow });
  await app.change({ replicas: 2 });
  await app.serves({ replicas: 2 });
  expect(broken(scaleInChecks(app.observer.sighting(), 2))).toEqual([]);
});

test('kubectl delete ends no Pod while a proxy may send it requests', async () => {
  const namespace = 'delete';
  const app = await on.deploy({ namespace, replicas: 3, ...slow });
  const [name = ''] = app.pods().map(({ metadata }) => metadata.name ?? '');
  await on.cluster.kubectl(['delete', 'pod', name, `--namespace=${namespace}`]);
  await app.serves({ replicas: 3 });
  const sighting = app.observer.sighting();
  expect(sighting.touches.filter(({ what }) => what === 'deleted').length).toBeGreaterThan(0);
  expect(touchedInTraffic(sighting)).toEqual([]);
});

test('without a hold, Pods are touched while a proxy may send them requests, and the observer detects it', async () => {
  const app = await on.deploy({ namespace: 'no-hold', replicas: 2, ...slow, trafficOffHold: '0s' });
  await app.changeTemplate({ image: 'web:v2' });
  await app.serves({ replicas: 2, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(touchedInTraffic(sighting).length).toBeGreaterThan(0);
  expect(touchedInTraffic({ ...sighting, proxyPeriodMs: 0 })).toEqual([]);
});
