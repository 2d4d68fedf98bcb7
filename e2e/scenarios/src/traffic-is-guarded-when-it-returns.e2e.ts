import type { Pod } from '@kuperator/api';
import { touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { type Application, DEADLINE_MS, lifecycleLabels } from './application.ts';
import { stage } from './stage.ts';

const on = stage();

const ROUNDS = 10;

/** Whether traffic is back but the adapter has not reported it yet. */
function isJustBack(app: Application, pod: Pod): boolean {
  return app.observer.ready().has(pod.metadata.uid ?? '') && (pod.metadata.finalizers ?? []).length === 0;
}

function isIn(stage: string, pod: Pod): boolean {
  return lifecycleLabels(pod).some((key) => key.startsWith(`${stage}.`));
}

test.each([
  { moment: 'traffic is back and the adapter has not reported it', namespace: 'back', is: isJustBack },
  {
    moment: 'an operation is in Completing',
    namespace: 'completing',
    is: (_: Application, pod: Pod) => isIn('completing', pod),
  },
])('if rolls follow each other as soon as $moment, no Pod is touched in traffic', async ({ moment, namespace, is }) => {
  const app = await on.deploy({ namespace, replicas: 6, image: 'web:v0' });
  let met = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const image = `web:v${round}`;
    await app.changeTemplate({ image });
    const isMet = () => app.pods().some((pod) => pod.spec.containers[0]?.image === image && is(app, pod));
    const isOver = () => app.running(image) === 6 && app.pods().every((pod) => app.isInService(pod));
    await app.observer.when(`${moment}, ${image}`, () => isMet() || isOver(), DEADLINE_MS);
    if (isMet()) met++;
  }
  await app.serves({ replicas: 6, image: `web:v${ROUNDS}` });
  expect(touchedInTraffic(app.observer.sighting())).toEqual([]);
  // Otherwise the test did not meet that moment.
  expect(met).toBeGreaterThan(0);
});

test('if traffic comes back while the adapter is down, no Pod is touched until the adapter is back', async () => {
  const namespace = 'returning';
  const app = await on.deploy({ namespace, replicas: 3, image: 'web:v1' });
  const label = (...changes: readonly string[]) =>
    on.cluster.kubectl(['label', 'pods', '--all', `--namespace=${namespace}`, ...changes]);
  // A third party keeps the Pods out of traffic until the adapter is down.
  const operating = 'operating.podopslifecycle.kusionstack.io/job';
  await label(`${operating}=1`, 'operation-type.podopslifecycle.kusionstack.io/job=Restart');
  const all = (is: (pod: Pod) => boolean) => () => app.pods().every(is);
  await app.observer.when(
    'all are drained',
    all((pod) => isIn('operate', pod)),
    DEADLINE_MS,
  );
  await on.cluster.stop('endpointslice-adapter', 'SIGKILL');
  await label(`${operating}-`);
  await app.observer.when(
    'all are back in traffic, and no adapter says so',
    all((pod) => isJustBack(app, pod)),
    DEADLINE_MS,
  );
  await app.changeTemplate({ image: 'web:v2' });
  await app.observer.until(
    'all wait to be drained',
    all((pod) => isIn('preparing', pod)),
    DEADLINE_MS,
  );
  await app.observer.untilQuiet(1000, DEADLINE_MS);
  expect(app.running('web:v1')).toBe(3);
  await on.cluster.start('endpointslice-adapter');
  await app.serves({ replicas: 3, image: 'web:v2' });
  expect(touchedInTraffic(app.observer.sighting())).toEqual([]);
});
