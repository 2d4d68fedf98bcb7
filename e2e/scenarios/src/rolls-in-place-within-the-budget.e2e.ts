import { doubledInstances, recreateChecks, rollChecks, scaleInChecks } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { stage } from './stage.ts';

const on = stage();
const ten = { replicas: 10, maxUnavailable: '20%', image: 'web:v1' };
/** 20 % of 10. */
const mayBeOut = 2;

test('a new image rolls in place: the same Pods, at most 2 out, none touched in traffic', async () => {
  const app = await on.deploy({ namespace: 'in-place', ...ten });
  const uidsBefore = app.uids();
  await app.changeTemplate({ image: 'web:v2' });
  await app.serves({ replicas: 10, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 10, mayBeOut, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
});

test('scaling in from 10 to 6 never leaves fewer than 6 in traffic, and nobody is deleted in it', async () => {
  const app = await on.deploy({ namespace: 'scale-in', ...ten });
  await app.change({ replicas: 6 });
  await app.serves({ replicas: 6, image: 'web:v1' });
  expect(broken(scaleInChecks(app.observer.sighting(), 6))).toEqual([]);
  // Ids that are free again are written down in a quiet moment.
  await expect.poll(() => app.recordedIds(), { timeout: DEADLINE_MS }).toEqual(app.instanceIds());
});

test('a change no running Pod can follow recreates Pods under the same budget', async () => {
  const app = await on.deploy({ namespace: 'recreate', ...ten });
  const uidsBefore = app.uids();
  const idsBefore = app.instanceIds();
  await app.changeTemplate({ setting: 'b' });
  const isNew = () => app.uids().isDisjointFrom(uidsBefore);
  await app.observer.until('no old Pod is left', isNew, DEADLINE_MS);
  await app.serves({ replicas: 10, image: 'web:v1' });
  const sighting = app.observer.sighting();
  expect(broken(recreateChecks({ sighting, pods: 10, mayBeOut, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
  expect(doubledInstances(sighting)).toEqual([]);
  expect(app.instanceIds()).toEqual(idsBefore);
});

test('a partition keeps that many Pods as they were', async () => {
  const app = await on.deploy({ namespace: 'partition', ...ten });
  const uidsBefore = app.uids();
  await app.change({ updateStrategy: { rollingUpdate: { byPartition: { partition: 4 } } } });
  await app.changeTemplate({ image: 'web:v2' });
  await app.reached('web:v2', 6);
  await app.serves({ replicas: 10 });
  await app.observer.untilQuiet(1000, 30_000);
  expect([app.running('web:v1'), app.running('web:v2')]).toEqual([4, 6]);
  const touched = new Set(app.observer.sighting().touches.map(({ uid }) => uid));
  expect(touched.size).toBe(6);

  await app.change({ updateStrategy: { rollingUpdate: { byPartition: { partition: 0 } } } });
  await app.serves({ replicas: 10, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 10, mayBeOut, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
});

test('a roll taken back half way ends with every Pod in service as it was', async () => {
  const app = await on.deploy({ namespace: 'rollback', ...ten, imageChangeDelay: '300ms' });
  const uidsBefore = app.uids();
  await app.changeTemplate({ image: 'web:v2' });
  await app.reached('web:v2', 3);
  await app.changeTemplate({ image: 'web:v1' });
  // Half way: some Pod was still to come.
  expect(app.running('web:v1')).toBeGreaterThan(0);
  await app.serves({ replicas: 10, image: 'web:v1' });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 10, mayBeOut, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
});
