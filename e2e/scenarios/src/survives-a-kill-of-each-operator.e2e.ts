import { doubledInstances, recreateChecks, rollChecks } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { type Application, DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { OPERATORS } from './operators.ts';
import { stage } from './stage.ts';

const on = stage();

/** Two Pods may be out. The Pods that remain after the first rolls need several rounds, so the kill comes in the middle. */
const rolls = [
  {
    how: 'in place',
    deployed: { replicas: 10, maxUnavailable: '20%', image: 'web:v1', imageChangeDelay: '300ms' },
    change: { image: 'web:v2' },
    checks: rollChecks,
  },
  {
    how: 'by new Pods',
    deployed: { replicas: 20, maxUnavailable: '10%', image: 'web:v1' },
    change: { image: 'web:v2', setting: 'b' },
    checks: recreateChecks,
  },
];

async function expectEachIdOnce(app: Application, replicas: number): Promise<void> {
  expect(doubledInstances(app.observer.sighting())).toEqual([]);
  expect(app.instanceIds()).toEqual(Array.from({ length: replicas }, (_, id) => id));
  await expect.poll(() => app.recordedIds(), { timeout: DEADLINE_MS }).toEqual(app.instanceIds());
}

for (const { how, deployed, change, checks } of rolls) {
  test.each(OPERATORS)(`a roll ${how} stalls when %s is killed, and completes when it is back`, async (operator) => {
    const { replicas } = deployed;
    const app = await on.deploy({ namespace: `${how.replaceAll(' ', '-').toLowerCase()}-${operator}`, ...deployed });
    const uidsBefore = app.uids();
    await app.changeTemplate(change);
    await app.reached('web:v2', 3);
    await on.cluster.stop(operator, 'SIGKILL');
    await app.observer.untilQuiet(1500, DEADLINE_MS);
    // No other operator forced the operations that waited for the killed operator.
    expect(app.running('web:v2')).toBeLessThan(replicas);

    await on.cluster.start(operator);
    await app.serves({ replicas, image: 'web:v2' });
    const sighting = app.observer.sighting();
    expect(broken(checks({ sighting, pods: replicas, mayBeOut: 2, uidsBefore, uidsAfter: app.uids() }))).toEqual([]);
    await expectEachIdOnce(app, replicas);
  });
}

test('a controller that is killed while it creates Pods creates each Pod once', async () => {
  const app = await on.deploy({ namespace: 'scale-out', replicas: 1, image: 'web:v1' });
  await app.change({ replicas: 60 });
  await app.observer.when('some Pods are made', () => app.pods().length >= 5, DEADLINE_MS);
  await on.cluster.stop('collaset-controller', 'SIGKILL');
  await app.observer.untilQuiet(500, DEADLINE_MS);
  expect(app.pods().length).toBeLessThan(60);

  await on.cluster.start('collaset-controller');
  await app.serves({ replicas: 60, image: 'web:v1' });
  await expectEachIdOnce(app, 60);
});
