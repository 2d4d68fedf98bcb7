import { doubledInstances, recreateChecks, rollChecks } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { OPERATORS, operatorProcesses, passesOf, TWO_REPLICAS } from './operators.ts';
import { stage } from './stage.ts';

const on = stage({ replicas: TWO_REPLICAS });
const pods = 4;
/** Of 5 sets and 20 Pods each replica has some; the last two sets are changed so that new Pods are needed. */
const inPlace = ['shop-a', 'shop-b', 'shop-c'];
const anew = ['shop-d', 'shop-e'];

test('replicas work side by side, and one takes over when the other is killed in the middle of a roll', async () => {
  const deploy = (namespace: string) =>
    on.deploy({ namespace, replicas: pods, maxUnavailable: 1, image: 'web:v1', imageChangeDelay: '500ms' });
  const [kept, renewed] = await Promise.all([Promise.all(inPlace.map(deploy)), Promise.all(anew.map(deploy))]);
  const apps = [...kept, ...renewed];
  const uidsBefore = new Map(apps.map((app) => [app, app.uids()]));

  await Promise.all([
    ...kept.map((app) => app.changeTemplate({ image: 'web:v2' })),
    ...renewed.map((app) => app.changeTemplate({ image: 'web:v2', setting: 'b' })),
  ]);
  await Promise.all(apps.map((app) => app.reached('web:v2', 1)));
  for (const replica of operatorProcesses(on.cluster)) {
    expect(await passesOf(replica), `passes of ${replica.name}`).toBeGreaterThan(0);
  }
  await Promise.all(OPERATORS.map((operator) => on.cluster.stop(`${operator}-0`, 'SIGKILL')));
  expect(apps.filter((app) => app.running('web:v2') < pods)).not.toEqual([]);

  await Promise.all(apps.map((app) => app.serves({ replicas: pods, image: 'web:v2' })));
  for (const app of apps) {
    const sighting = app.observer.sighting();
    const about = { sighting, pods, mayBeOut: 1, uidsBefore: uidsBefore.get(app) ?? new Set(), uidsAfter: app.uids() };
    expect(broken(kept.includes(app) ? rollChecks(about) : recreateChecks(about))).toEqual([]);
    expect(doubledInstances(sighting)).toEqual([]);
    expect(app.instanceIds()).toEqual([0, 1, 2, 3]);
    await expect.poll(() => app.recordedIds(), { timeout: DEADLINE_MS }).toEqual(app.instanceIds());
  }
});
