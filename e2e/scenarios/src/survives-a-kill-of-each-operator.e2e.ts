import { doubledInstances, rollChecks } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { OPERATORS } from './operators.ts';
import { stage } from './stage.ts';

const on = stage();

test.each(OPERATORS)('a roll in the middle of which %s is killed stalls, then completes', async (operator) => {
  const app = await on.deploy({
    namespace: `without-${operator}`,
    replicas: 10,
    maxUnavailable: '20%',
    image: 'web:v1',
    imageChangeDelay: '300ms',
  });
  const uidsBefore = app.uids();
  await app.changeTemplate({ image: 'web:v2' });
  await app.reached('web:v2', 3);
  await on.cluster.stop(operator, 'SIGKILL');
  await app.observer.untilQuiet(1500, DEADLINE_MS);
  // Nobody forced the Pods on that waited for the dead one.
  expect(app.running('web:v2')).toBeLessThan(10);

  await on.cluster.start(operator);
  await app.serves({ replicas: 10, image: 'web:v2' });
  const sighting = app.observer.sighting();
  const promises = rollChecks({ sighting, pods: 10, mayBeOut: 2, uidsBefore, uidsAfter: app.uids() });
  expect(broken(promises)).toEqual([]);
  expect(doubledInstances(sighting)).toEqual([]);
  expect(app.instanceIds()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await expect.poll(() => app.recordedIds(), { timeout: DEADLINE_MS }).toEqual(app.instanceIds());
});
