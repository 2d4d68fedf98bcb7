import { touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { stage } from './stage.ts';

const on = stage();

test('a Pod that has just come into traffic is not touched while it has traffic', async () => {
  for (let round = 0; round < 3; round++) {
    const app = await on.deploy({ namespace: `fresh-${round}`, replicas: 1, image: 'web:v1' });
    await app.change({ replicas: 20 });
    await app.observer.when('most are made', () => app.pods().length > 15, 60_000);
    await app.changeTemplate({ image: 'web:v2' });
    await app.serves({ replicas: 20, image: 'web:v2' });
    expect(touchedInTraffic(app.observer.sighting())).toEqual([]);
  }
});

test('Pods that are created while the adapter is down are neither available nor touched until it is back', async () => {
  const app = await on.deploy({ namespace: 'away', replicas: 1, image: 'web:v1' });
  await on.cluster.stop('endpointslice-adapter', 'SIGKILL');
  await app.change({ replicas: 6 });
  await app.observer.when('all are in traffic', () => app.observer.ready().size === 6, 60_000);
  await app.changeTemplate({ image: 'web:v2' });
  await app.observer.when('the update of all is asked for', () => app.operating() === 6, 60_000);
  const available = app.pods().filter((pod) => app.isAvailable(pod));
  expect(available.length).toBeLessThanOrEqual(1);
  await on.cluster.start('endpointslice-adapter');
  await app.serves({ replicas: 6, image: 'web:v2' });
  expect(touchedInTraffic(app.observer.sighting())).toEqual([]);
});
