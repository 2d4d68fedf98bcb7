import { doubledInstances, recreateChecks, rollChecks, scaleInChecks } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { stage } from './stage.ts';

const on = stage();
const ten = { replicas: 10, maxUnavailable: '20%', image: 'web:v1' };
/** 20 % of 10 Pods. */
const mayBeOut = 2;

test('a new image rolls in place: the Pods stay the same, at most 2 are out, and none is touched in traffic', async () => {
  const app = await on.deploy({ namespace: 'in-place', ...ten });
  const uidsBefore = app.uids();
  await app.changeTemplate({ image: 'web:v2' });
  await app.serves({ replicas: 10, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 10, mayBeOut, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
});

test('scaling in from 10 to 6 never leaves fewer than 6 Pods in traffic, and deletes none in traffic', async () => {
  const app = await on.deploy({ namespace: 'scale-in', ...ten });
  await app.change({ replicas: 6 });
  await app.serves({ replicas: 6, image: 'web:v1' });
  expect(broken(scaleInChecks(app.observer.sighting(), 6))).toEqual([]);
  // The controller records free ids only when nothing else has to be done.
  await expect.poll(() => app.recordedIds(), { timeout: DEADLINE_MS }).toEqual(app.instanceIds());
});

test('a change that cannot be made in place recreates Pods within the same budget', async () => {
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

test('a partition keeps its number of Pods unchanged', async () => {
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

test('a roll that is reverted half way ends with every Pod in service at the old image', async () => {
  const app = await on.deploy({ namespace: 'rollback', ...ten, imageChangeDelay: '300ms' });
  const uidsBefore = app.uids();
  await app.changeTemplate({ image: 'web:v2' });
  await app.reached('web:v2', 3);
  await app.changeTemplate({ image: 'web:v1' });
  // The roll was half done: at least one Pod had not been updated yet.
  expect(app.running('web:v1')).toBeGreaterThan(0);
  await app.serves({ replicas: 10, image: 'web:v1' });
  const sighting = app.observer.sighting();
  expect(broken(rollChecks({ sighting, pods: 10, mayBeOut, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
});
